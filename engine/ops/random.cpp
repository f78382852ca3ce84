// SPDX-License-Identifier: Apache-2.0
// Random numbers: RandomNormal, RandomUniform, Bernoulli, Multinomial. The same seed gives the same numbers
// everywhere.
#include <bit>
#include <cmath>
#include <numbers>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

/// SplitMix64: a counter through a mixing function.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  /// From the node's seed attribute, else the run's.
  explicit Random(const RunContext& context)
      : Random(context.attributes().has("seed")
                   ? std::bit_cast<uint32_t>(context.attributes().get_float("seed", 0))
                   : context.seed()) {}

  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Box-Muller, of mean 0 and deviation 1.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint64_t state_;
};

/// The dtype attribute, else `fallback`.
Result<ElementType> result_type(const Node& node, ElementType fallback) {
  if (!node.attributes.has("dtype")) return fallback;
  const auto type = element_type_from_onnx(static_cast<int>(node.attributes.get_int("dtype", 0)));
  if (!type) return node_error(node, "has an unknown dtype");
  return *type;
}

Status infer_shaped(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, result_type(context.node(), ElementType::f32));
  const std::vector<int64_t> shape = context.attributes().get_ints("shape");
  if (!checked_element_count(shape)) return node_error(context.node(), "has a bad shape attribute");
  context.set_tensor(0, type, to_dims(shape));
  return {};
}
Status infer_like(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, result_type(context.node(), context.element(0)));
  set_same_shape(context, 0, type);
  return {};
}

/// Output 0 filled with draw().
template <class Draw>
Status fill_random(RunContext& context, ElementType type, const Shape& shape, Draw&& draw) {
  if (!visit_float(type, [](auto) {})) return context.type_error(type);
  LATHE_ASSIGN(Tensor * out, context.output(0, type, shape));
  visit_float(type, [&](auto tag) {
    using T = decltype(tag);
    for (T& element : out->mutable_data<T>()) element = static_cast<T>(draw());
  });
  return {};
}

template <bool normal>
Status run_random(RunContext& context, ElementType fallback, const Shape& shape) {
  LATHE_ASSIGN(const ElementType type, result_type(context.node(), fallback));
  const Attributes& attributes = context.attributes();
  Random random(context);
  if constexpr (normal) {
    const double mean = attributes.get_float("mean", 0), scale = attributes.get_float("scale", 1);
    return fill_random(context, type, shape, [&] { return mean + scale * random.normal(); });
  } else {
    const double low = attributes.get_float("low", 0), high = attributes.get_float("high", 1);
    return fill_random(context, type, shape, [&] { return low + (high - low) * random.uniform(); });
  }
}
template <bool normal>
Status run_shaped(RunContext& context) {
  return run_random<normal>(context, ElementType::f32, context.attributes().get_ints("shape"));
}
template <bool normal>
Status run_like(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  return run_random<normal>(context, x->type(), x->shape());
}

Status run_bernoulli(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  if (!visit_float(x->type(), [](auto) {})) return context.type_error(x->type());
  LATHE_ASSIGN(const ElementType type, result_type(context.node(), x->type()));
  LATHE_ASSIGN(Tensor * out, context.output(0, type, x->shape()));
  Random random(context);
  const Operand<double> probability(*x);
  std::vector<uint64_t> drawn(static_cast<size_t>(x->count()));
  for (size_t i = 0; i < drawn.size(); ++i)
    drawn[i] = random.uniform() < probability[static_cast<int64_t>(i)] ? 1 : 0;
  if (type == ElementType::boolean) {
    std::copy(drawn.begin(), drawn.end(), out->mutable_data<bool>().begin());
    return {};
  }
  const bool known = visit_numeric(type, [&](auto tag) {
    using T = decltype(tag);
    T* to = out->mutable_data<T>().data();
    for (const uint64_t element : drawn) *to++ = static_cast<T>(static_cast<float>(element));
  });
  if (!known) return context.type_error(type);
  return {};
}

Status infer_multinomial(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, result_type(context.node(), ElementType::i32));
  const Dims* dims = context.dims(0);
  if (dims != nullptr && dims->size() != 2)
    return node_error(context.node(), "needs an input [batch, classes], not " + to_string(*dims));
  const Dim samples(context.attributes().get_int("sample_size", 1));
  context.set_tensor(0, type, Dims{dims != nullptr ? dims->front() : context.unknown_dim(), samples});
  return {};
}

/// Input: logarithms of weights that need not sum to 1.
Status run_multinomial(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 2, "input"));
  const Tensor& x = context.tensor(0);
  if (!visit_float(x.type(), [](auto) {})) return context.type_error(x.type());
  LATHE_ASSIGN(const ElementType type, result_type(context.node(), ElementType::i32));
  if (type != ElementType::i32 && type != ElementType::i64) return context.type_error(type);
  const int64_t samples = context.attributes().get_int("sample_size", 1), classes = x.dim(1);
  if (samples < 1 || classes < 1) return context.error("needs classes and a positive sample_size");
  LATHE_ASSIGN(Tensor * out, context.output(0, type, {x.dim(0), samples}));
  Random random(context);
  const Operand<double> logits(x);
  std::vector<double> sums(static_cast<size_t>(classes));
  std::vector<uint64_t> drawn;
  for (int64_t row = 0; row < x.dim(0); ++row) {
    const double* weights = logits.data() + row * classes;
    const double largest = *std::max_element(weights, weights + classes);
    double sum = 0;
    for (size_t c = 0; c < sums.size(); ++c) sums[c] = sum += std::exp(weights[c] - largest);
    for (int64_t i = 0; i < samples; ++i) {
      const auto at = std::upper_bound(sums.begin(), sums.end(), random.uniform() * sum);
      drawn.push_back(static_cast<uint64_t>(std::min(at - sums.begin(), classes - 1)));
    }
  }
  store_elements(drawn.data(), *out);
  return {};
}

}  // namespace

void register_random(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, int inputs,
                       Status (*infer)(InferContext&), Status (*run)(RunContext&)) {
    registry.add({"", name, std::move(versions), inputs, inputs, 1, 1, trait_random, infer, run, nullptr});
  };
  add("RandomNormal", {1, 22}, 0, infer_shaped, run_shaped<true>);
  add("RandomUniform", {1, 22}, 0, infer_shaped, run_shaped<false>);
  add("RandomNormalLike", {1, 22}, 1, infer_like, run_like<true>);
  add("RandomUniformLike", {1, 22}, 1, infer_like, run_like<false>);
  add("Bernoulli", {15, 22}, 1, infer_like, run_bernoulli);
  add("Multinomial", {7, 22}, 1, infer_multinomial, run_multinomial);
}

}  // namespace lathe
