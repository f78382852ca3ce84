// SPDX-License-Identifier: Apache-2.0
// RNN, GRU and LSTM: one loop over directions and steps, one cell each.
#include <algorithm>
#include <cmath>

#include "engine/ops/activation.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"

namespace lathe {
namespace {

enum class CellKind { rnn, gru, lstm };

CellKind cell_kind(const Node& node) {
  return node.op_type.ends_with("LSTM") ? CellKind::lstm
         : node.op_type == "GRU"        ? CellKind::gru
                                        : CellKind::rnn;
}
int64_t gate_count(CellKind kind) {
  return kind == CellKind::lstm ? 4 : kind == CellKind::gru ? 3 : 1;
}
size_t activation_count(CellKind kind) {
  return kind == CellKind::lstm ? 3 : kind == CellKind::gru ? 2 : 1;
}

/// The attributes.
struct Recurrent {
  CellKind kind = CellKind::rnn;
  int64_t directions = 1;
  bool reverse = false;      ///< the only direction runs backwards
  bool batch_first = false;  ///< layout 1
  bool linear_before_reset = false, input_forget = false;
  bool quantizes = false;               ///< DynamicQuantizeLSTM: x and h are rounded before each product
  double clip = 0;                      ///< 0: none
  std::vector<Activation> activations;  ///< activation_count(kind) per direction
};

/// How many of alpha and beta a function takes from the node's lists.
int parameter_count(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::leaky_relu:
    case ActivationKind::elu:
    case ActivationKind::thresholded_relu:
      return 1;
    case ActivationKind::hard_sigmoid:
    case ActivationKind::affine:
    case ActivationKind::scaled_tanh:
      return 2;
    default:
      return 0;
  }
}

Result<std::vector<Activation>> read_activations(const Node& node, CellKind kind, size_t directions) {
  std::vector<std::string> names;
  if (const auto* given = node.attributes.get<std::vector<std::string>>("activations")) names = *given;
  if (names.empty())
    for (size_t i = 0; i < directions * activation_count(kind); ++i)
      names.emplace_back(kind == CellKind::rnn || i % activation_count(kind) > 0 ? "Tanh" : "Sigmoid");
  if (names.size() != directions * activation_count(kind))
    return node_error(node, "has " + std::to_string(names.size()) + " activations, but needs " +
                                std::to_string(directions * activation_count(kind)));
  const std::vector<float> alphas = node.attributes.get_floats("activation_alpha");
  const std::vector<float> betas = node.attributes.get_floats("activation_beta");
  std::vector<Activation> activations;
  size_t alpha = 0, beta = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto function = parse_activation_kind(names[i]);
    if (!function) return node_error(node, "has an unknown activation '" + names[i] + "'");
    Activation& activation = activations.emplace_back(*function);
    // One value per function, or values only for the functions that take one.
    const int parameters = parameter_count(*function);
    const size_t a = alphas.size() == names.size() ? i : alpha, b = betas.size() == names.size() ? i : beta;
    if (parameters >= 1 && a < alphas.size()) activation.alpha = alphas[a];
    if (parameters >= 2 && b < betas.size()) activation.beta = betas[b];
    alpha += parameters >= 1;
    beta += parameters >= 2;
  }
  return activations;
}

Result<Recurrent> read_recurrent(const Node& node) {
  Recurrent recurrent;
  recurrent.kind = cell_kind(node);
  const std::string direction = node.attributes.get_string("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    return node_error(node, "direction is '" + direction + "', which is not known");
  recurrent.directions = direction == "bidirectional" ? 2 : 1;
  recurrent.reverse = direction == "reverse";
  recurrent.batch_first = node.attributes.get_int("layout", 0) != 0;
  recurrent.linear_before_reset = node.attributes.get_int("linear_before_reset", 0) != 0;
  recurrent.input_forget = node.attributes.get_int("input_forget", 0) != 0;
  recurrent.quantizes = node.op_type == "DynamicQuantizeLSTM";
  recurrent.clip = node.attributes.get_float("clip", 0);
  LATHE_ASSIGN(recurrent.activations,
               read_activations(node, recurrent.kind, static_cast<size_t>(recurrent.directions)));
  return recurrent;
}

Status infer_recurrent(InferContext& context) {
  LATHE_ASSIGN(const Recurrent recurrent, read_recurrent(context.node()));
  const Dims* x = context.dims(0);
  const Dims* r = context.dims(2);
  const size_t states = recurrent.kind == CellKind::lstm ? 2 : 1;
  if (x != nullptr && x->size() != 3)
    return node_error(context.node(), "needs an input of rank 3, not " + to_string(*x));
  if (r != nullptr && r->size() != 3)
    return node_error(context.node(), "needs R of rank 3, not " + to_string(*r));
  const int64_t declared = context.attributes().get_int("hidden_size", 0);
  if (x == nullptr || (r == nullptr && declared == 0)) {
    for (size_t i = 0; i <= states; ++i) context.set_tensor(i, context.element(0), std::nullopt);
    return {};
  }
  const Dim hidden = r != nullptr ? (*r)[2] : Dim(declared), directions(recurrent.directions);
  const Dim batch = (*x)[recurrent.batch_first ? 0 : 1], steps = (*x)[recurrent.batch_first ? 1 : 0];
  context.set_tensor(0, context.element(0),
                     recurrent.batch_first ? Dims{batch, steps, directions, hidden}
                                           : Dims{steps, directions, batch, hidden});
  for (size_t i = 1; i <= states; ++i)
    context.set_tensor(
        i, context.element(0),
        recurrent.batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden});
  return {};
}

struct Sizes {
  int64_t steps = 0, batch = 0, input = 0, hidden = 0;
};

Status check_shape(const RunContext& context, size_t i, const Shape& shape, const char* name) {
  if (!context.has_input(i) || context.tensor(i).shape() == shape) return {};
  return context.error(std::string(name) + " has shape " + to_string(context.tensor(i).shape()) +
                       ", but needs " + to_string(shape));
}

Result<Sizes> check_inputs(const RunContext& context, const Recurrent& recurrent) {
  LATHE_TRY(check_rank(context, 0, 3, "X"));
  LATHE_TRY(check_rank(context, 1, 3, "W"));
  LATHE_TRY(check_rank(context, 2, 3, "R"));
  const Shape& x = context.tensor(0).shape();
  Sizes sizes{x[recurrent.batch_first ? 1 : 0], x[recurrent.batch_first ? 0 : 1], x[2],
              context.tensor(2).dim(2)};
  const int64_t gates = gate_count(recurrent.kind), directions = recurrent.directions, hidden = sizes.hidden;
  LATHE_TRY(check_shape(context, 1, {directions, gates * hidden, sizes.input}, "W"));
  LATHE_TRY(check_shape(context, 2, {directions, gates * hidden, hidden}, "R"));
  LATHE_TRY(check_shape(context, 3, {directions, 2 * gates * hidden}, "B"));
  LATHE_TRY(check_shape(context, 4, {sizes.batch}, "sequence_lens"));
  const Shape state =
      recurrent.batch_first ? Shape{sizes.batch, directions, hidden} : Shape{directions, sizes.batch, hidden};
  LATHE_TRY(check_shape(context, 5, state, "initial_h"));
  LATHE_TRY(check_shape(context, 6, state, "initial_c"));
  LATHE_TRY(check_shape(context, 7, {directions, 3 * hidden}, "P"));
  if (context.has_input(4))
    for (const int64_t length : context.tensor(4).to_int64())
      if (length < 0 || length > sizes.steps)
        return context.error("has a sequence length of " + std::to_string(length) + " for " +
                             std::to_string(sizes.steps) + " steps");
  return sizes;
}

/// Weights and state of one direction.
template <class A>
struct Direction {
  const Recurrent& recurrent;
  std::span<const Activation> activations;
  int64_t hidden;
  const A* recurrence;      ///< [gates * hidden, hidden]
  const A* input_bias;      ///< [gates * hidden], may be null
  const A* recurrent_bias;  ///< [gates * hidden], may be null
  const A* peepholes;       ///< [3 * hidden] in order i, o, f; may be null

  A clipped(A value) const {
    const A clip = static_cast<A>(recurrent.clip);
    return clip > 0 ? std::clamp(value, -clip, clip) : value;
  }
  A bias(int64_t i) const {
    return (input_bias ? input_bias[i] : A(0)) + (recurrent_bias ? recurrent_bias[i] : A(0));
  }
  A apply(size_t function, A value) const { return activate(activations[function], clipped(value)); }

  /// h (and c) after one step of one sequence; x and r are W x_t and R h_t-1.
  void step(const A* x, const A* r, A* h, A* c) const {
    switch (recurrent.kind) {
      case CellKind::rnn:
        for (int64_t j = 0; j < hidden; ++j) h[j] = apply(0, x[j] + r[j] + bias(j));
        break;
      case CellKind::gru:
        gru(x, r, h);
        break;
      case CellKind::lstm:
        lstm(x, r, h, c);
        break;
    }
  }
  void gru(const A* x, const A* r, A* h) const {
    const int64_t n = hidden;  // gates z, r, h
    std::vector<A> update(static_cast<size_t>(n)), reset(static_cast<size_t>(n)),
        product(static_cast<size_t>(n));
    for (int64_t j = 0; j < n; ++j) {
      update[static_cast<size_t>(j)] = apply(0, x[j] + r[j] + bias(j));
      reset[static_cast<size_t>(j)] = apply(0, x[n + j] + r[n + j] + bias(n + j));
    }
    if (recurrent.linear_before_reset) {
      for (int64_t j = 0; j < n; ++j)
        product[static_cast<size_t>(j)] =
            reset[static_cast<size_t>(j)] *
            (r[2 * n + j] + (recurrent_bias ? recurrent_bias[2 * n + j] : A(0)));
    } else {
      for (int64_t j = 0; j < n; ++j) reset[static_cast<size_t>(j)] *= h[j];
      multiply<A>(1, n, n, reset.data(), false, recurrence + 2 * n * n, true, product.data());
      for (int64_t j = 0; j < n; ++j)
        product[static_cast<size_t>(j)] += recurrent_bias ? recurrent_bias[2 * n + j] : A(0);
    }
    for (int64_t j = 0; j < n; ++j) {
      const A z = update[static_cast<size_t>(j)];
      const A candidate = apply(
          1, x[2 * n + j] + product[static_cast<size_t>(j)] + (input_bias ? input_bias[2 * n + j] : A(0)));
      h[j] = (A(1) - z) * candidate + z * h[j];
    }
  }
  void lstm(const A* x, const A* r, A* h, A* c) const {
    const int64_t n = hidden;  // gates i, o, f, c
    const auto gate = [&](int64_t g, int64_t j) { return x[g * n + j] + r[g * n + j] + bias(g * n + j); };
    const auto peep = [&](int64_t g, int64_t j, A cell) {
      return peepholes ? peepholes[g * n + j] * cell : A(0);
    };
    for (int64_t j = 0; j < n; ++j) {
      const A input = apply(0, gate(0, j) + peep(0, j, c[j]));
      const A forget = recurrent.input_forget ? A(1) - input : apply(0, gate(2, j) + peep(2, j, c[j]));
      c[j] = forget * c[j] + input * apply(1, gate(3, j));
      const A output = apply(0, gate(1, j) + peep(1, j, c[j]));
      h[j] = output * activate(activations[2], c[j]);
    }
  }
};

/// What DynamicQuantizeLinear and back leaves of the elements: 256 steps over a range that includes zero.
template <class A>
void round_dynamically(std::span<A> elements) {
  A low = 0, high = 0;
  for (const A x : elements) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  const A scale = high == low ? A(1) : (high - low) / A(255);
  const A zero = std::clamp(std::nearbyint(-low / scale), A(0), A(255));
  for (A& x : elements) x = (std::clamp(std::nearbyint(x / scale) + zero, A(0), A(255)) - zero) * scale;
}

/// A [batch, directions, hidden] tensor as [directions, batch, hidden] and back.
template <class A>
void swap_leading(const A* from, int64_t first, int64_t second, int64_t inner, A* to) {
  const int64_t order[] = {1, 0, 2};
  permute(from, {first, second, inner}, order, to);
}

template <class A>
class Run {
 public:
  Run(RunContext& context, const Recurrent& recurrent, const Sizes& sizes)
      : context_(context),
        recurrent_(recurrent),
        n_(sizes),
        gates_(gate_count(recurrent.kind)),
        w_(context.tensor(1)),
        r_(context.tensor(2)),
        b_(optional_operand<A>(context, 3)),
        p_(optional_operand<A>(context, 7)) {
    lengths_ = context.has_input(4) ? context.tensor(4).to_int64()
                                    : std::vector<int64_t>(static_cast<size_t>(sizes.batch), sizes.steps);
  }

  Status run() {
    load_x();
    h_ = load_state(5);
    c_ = load_state(6);
    y_.assign(static_cast<size_t>(n_.steps * recurrent_.directions * n_.batch * n_.hidden), A(0));
    for (int64_t d = 0; d < recurrent_.directions; ++d) run_direction(d);
    return store();
  }

 private:
  void load_x() {
    const Operand<A> x(context_.tensor(0));
    x_.resize(static_cast<size_t>(n_.steps * n_.batch * n_.input));
    if (recurrent_.batch_first)
      swap_leading(x.data(), n_.batch, n_.steps, n_.input, x_.data());
    else
      std::copy_n(x.data(), x_.size(), x_.begin());
    if (recurrent_.quantizes) round_dynamically(std::span(x_));
  }
  std::vector<A> load_state(size_t i) {
    std::vector<A> state(static_cast<size_t>(recurrent_.directions * n_.batch * n_.hidden), A(0));
    const Operand<A> initial = optional_operand<A>(context_, i);
    if (!initial) return state;
    if (recurrent_.batch_first)
      swap_leading(initial.data(), n_.batch, recurrent_.directions, n_.hidden, state.data());
    else
      std::copy_n(initial.data(), state.size(), state.begin());
    return state;
  }

  void run_direction(int64_t d) {
    const int64_t width = gates_ * n_.hidden;
    const A* bias = b_ ? b_.data() + d * 2 * width : nullptr;
    const size_t functions = activation_count(recurrent_.kind);
    const Direction<A> direction{
        recurrent_,
        std::span(recurrent_.activations).subspan(static_cast<size_t>(d) * functions, functions),
        n_.hidden,
        r_.data() + d * width * n_.hidden,
        bias,
        bias ? bias + width : nullptr,
        p_ ? p_.data() + d * 3 * n_.hidden : nullptr};
    std::vector<A> x_gates(static_cast<size_t>(n_.steps * n_.batch * width)),
        h_gates(static_cast<size_t>(n_.batch * width)), previous(static_cast<size_t>(n_.batch * n_.hidden));
    multiply<A>(n_.steps * n_.batch, width, n_.input, x_.data(), false, w_.data() + d * width * n_.input,
                true, x_gates.data());
    A* h = h_.data() + d * n_.batch * n_.hidden;
    A* c = c_.data() + d * n_.batch * n_.hidden;
    const bool backwards = recurrent_.reverse || d == 1;
    for (int64_t step = 0; step < n_.steps; ++step) {
      std::copy_n(h, previous.size(), previous.begin());
      if (recurrent_.quantizes) round_dynamically(std::span(previous));
      multiply<A>(n_.batch, width, n_.hidden, previous.data(), false, direction.recurrence, true,
                  h_gates.data());
      for (int64_t item = 0; item < n_.batch; ++item) {
        const int64_t length = lengths_[static_cast<size_t>(item)];
        if (step >= length) continue;
        const int64_t t = backwards ? length - 1 - step : step;
        direction.step(x_gates.data() + (t * n_.batch + item) * width, h_gates.data() + item * width,
                       h + item * n_.hidden, c + item * n_.hidden);
        std::copy_n(h + item * n_.hidden, n_.hidden,
                    y_.begin() + ((t * recurrent_.directions + d) * n_.batch + item) * n_.hidden);
      }
    }
  }

  Status store() {
    const ElementType type = context_.tensor(0).type();
    const int64_t directions = recurrent_.directions;
    if (context_.has_output(0)) {
      const Shape plain{n_.steps, directions, n_.batch, n_.hidden};
      const int64_t order[] = {2, 0, 1, 3};
      LATHE_ASSIGN(
          OutputBuffer<A> y,
          OutputBuffer<A>::make(context_, 0, type, recurrent_.batch_first ? permuted(plain, order) : plain));
      if (recurrent_.batch_first)
        permute(y_.data(), plain, order, y.data());
      else
        std::copy(y_.begin(), y_.end(), y.data());
      y.finish();
    }
    LATHE_TRY(store_state(1, h_));
    return recurrent_.kind == CellKind::lstm ? store_state(2, c_) : Status();
  }
  Status store_state(size_t i, const std::vector<A>& state) {
    if (!context_.has_output(i)) return {};
    const int64_t directions = recurrent_.directions;
    const Shape shape = recurrent_.batch_first ? Shape{n_.batch, directions, n_.hidden}
                                               : Shape{directions, n_.batch, n_.hidden};
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context_, i, context_.tensor(0).type(), shape));
    if (recurrent_.batch_first)
      swap_leading(state.data(), directions, n_.batch, n_.hidden, y.data());
    else
      std::copy(state.begin(), state.end(), y.data());
    y.finish();
    return {};
  }

  RunContext& context_;
  const Recurrent& recurrent_;
  Sizes n_;
  int64_t gates_;
  Operand<A> w_, r_, b_, p_;
  std::vector<int64_t> lengths_;
  std::vector<A> x_, h_, c_, y_;  ///< steps first, directions first
};

Status run_recurrent(RunContext& context) {
  LATHE_ASSIGN(const Recurrent recurrent, read_recurrent(context.node()));
  LATHE_ASSIGN(const Sizes sizes, check_inputs(context, recurrent));
  return compute_float(context, context.tensor(0).type(), [&](auto tag) -> Status {
    return Run<decltype(tag)>(context, recurrent, sizes).run();
  });
}

int64_t recurrent_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  // Every step of every sequence multiplies with W and R once.
  return 2 * inputs[0][0] * inputs[0][1] * (element_count(inputs[1]) + element_count(inputs[2]));
}

}  // namespace

void register_recurrent(OperatorRegistry& registry) {
  registry.add(
      {"", "RNN", {1, 7, 14, 22}, 3, 6, 0, 2, trait_none, infer_recurrent, run_recurrent, recurrent_flops});
  registry.add({"",
                "GRU",
                {1, 3, 7, 14, 22},
                3,
                6,
                0,
                2,
                trait_none,
                infer_recurrent,
                run_recurrent,
                recurrent_flops});
  registry.add(
      {"", "LSTM", {1, 7, 14, 22}, 3, 8, 0, 3, trait_none, infer_recurrent, run_recurrent, recurrent_flops});
}

}  // namespace lathe
