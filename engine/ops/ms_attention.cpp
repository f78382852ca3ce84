// SPDX-License-Identifier: Apache-2.0
// com.microsoft's Attention, QAttention and MultiHeadAttention.
#include <functional>
#include <memory>

#include "engine/ops/attention_heads.h"

namespace lathe {
namespace {

/// Which keys count: by lengths per batch item, by start and end, or by a mask.
struct KeyMask {
  std::vector<int64_t> values;
  enum class Form { none, ends, ends_and_starts, keys, queries_and_keys } form = Form::none;
  int64_t batch = 0, queries = 0, keys = 0;

  bool visible(int64_t b, int64_t i, int64_t j) const {
    const auto value = [&](int64_t index) { return values[static_cast<size_t>(index)]; };
    switch (form) {
      case Form::none:
        return true;
      case Form::ends:
        return j < value(b);
      case Form::ends_and_starts:
        return j < value(b) && j >= value(batch + b);
      case Form::keys:
        return value(b * keys + j) != 0;
      case Form::queries_and_keys:
        return value((b * queries + i) * keys + j) != 0;
    }
    return true;
  }
};

Result<KeyMask> key_mask(const RunContext& context, size_t input, int64_t batch, int64_t queries,
                         int64_t keys) {
  KeyMask mask{{}, KeyMask::Form::none, batch, queries, keys};
  if (!context.has_input(input)) return mask;
  const Tensor& tensor = context.tensor(input);
  mask.values = tensor.to_int64();
  if (tensor.shape() == Shape{batch})
    mask.form = KeyMask::Form::ends;
  else if (tensor.shape() == Shape{2 * batch})
    mask.form = KeyMask::Form::ends_and_starts;
  else if (tensor.shape() == Shape{batch, keys})
    mask.form = KeyMask::Form::keys;
  else if (tensor.shape() == Shape{batch, queries, keys})
    mask.form = KeyMask::Form::queries_and_keys;
  else
    return context.error("has a mask of shape " + to_string(tensor.shape()) + ", which is not supported");
  return mask;
}

/// Everything added to the scores by Attention and MultiHeadAttention.
Result<std::function<double(int64_t, int64_t, int64_t, int64_t)>> score_bias(const RunContext& context,
                                                                             size_t mask_input,
                                                                             size_t bias_input,
                                                                             const Shape& scores) {
  LATHE_ASSIGN(KeyMask mask, key_mask(context, mask_input, scores[0], scores[2], scores[3]));
  LATHE_ASSIGN(BroadcastBias read, broadcast_bias(context, bias_input, scores));
  const auto bias = std::make_shared<BroadcastBias>(std::move(read));
  const double hidden = context.attributes().get_float("mask_filter_value", -10000.0f);
  const bool causal = context.attributes().get_int("unidirectional", 0) != 0;
  const int64_t past = scores[3] - scores[2];
  return std::function<double(int64_t, int64_t, int64_t, int64_t)>(
      [mask = std::move(mask), bias, hidden, causal, past](int64_t b, int64_t head, int64_t i, int64_t j) {
        if (causal && j > past + i) return masked;
        return bias->at(b, head, i, j) + (mask.visible(b, i, j) ? 0.0 : hidden);
      });
}

/// Sizes of Attention: hidden sizes of Q, K and V.
Result<Shape> hidden_sizes(const Node& node, int64_t total) {
  Shape sizes = node.attributes.get_ints("qkv_hidden_sizes");
  if (sizes.empty()) sizes.assign(3, total / 3);
  const int64_t heads = node.attributes.get_int("num_heads", 0);
  if (sizes.size() != 3 || heads < 1) return node_error(node, "needs num_heads and three hidden sizes");
  for (const int64_t size : sizes)
    if (size < 0 || size > total || size % heads != 0)
      return node_error(node, "has hidden sizes that its heads do not divide");
  if (sizes[0] != sizes[1] || sizes[0] + sizes[1] + sizes[2] != total)
    return node_error(node, "has hidden sizes that do not fit its weights");
  return sizes;
}

/// Attention from the projected rows [batch * length, total]. Input numbers differ between Attention and
/// QAttention.
template <class A>
Status run_projected(RunContext& context, const std::vector<A>& rows, const Shape& sizes, size_t mask_input,
                     size_t past_input, size_t bias_input) {
  const int64_t batch = context.tensor(0).dim(0), length = context.tensor(0).dim(1),
                total = sizes[0] + sizes[1] + sizes[2];
  const int64_t heads = context.attributes().get_int("num_heads", 1);
  if (context.attributes().get_int("do_rotary", 0) != 0)
    return unsupported(context.error("").where, "rotary embedding inside Attention is not supported");
  const auto part = [&](int64_t start, int64_t size) {
    return split_heads(rows.data(), batch, length, heads, size / heads, {total, start, size / heads});
  };
  const Heads<A> q = part(0, sizes[0]);
  Heads<A> k = part(sizes[0], sizes[1]), v = part(2 * sizes[0], sizes[2]);
  if (context.has_input(past_input)) {
    const Tensor& past = context.tensor(past_input);
    if (past.rank() != 5 || k.size != v.size || past.shape() != Shape{2, batch, heads, past.dim(3), k.size})
      return context.error("has a past of shape " + to_string(past.shape()));
    const Operand<A> data(past);
    k = after_past(data.data(), past.dim(3), std::move(k));
    v = after_past(data.data() + past.count() / 2, past.dim(3), std::move(v));
  }
  AttentionProblem problem;
  LATHE_ASSIGN(problem.bias, score_bias(context, mask_input, bias_input, {batch, heads, length, k.length}));
  LATHE_TRY(attend_and_store(context, problem, q, k, v));
  if (!context.has_output(1)) return {};
  if (k.size != v.size) return context.error("cannot give a present of different key and value sizes");
  const ElementType type = is_float(context.tensor(0).type()) ? context.tensor(0).type() : ElementType::f32;
  LATHE_ASSIGN(OutputBuffer<A> present,
               OutputBuffer<A>::make(context, 1, type, {2, batch, heads, k.length, k.size}));
  std::copy(v.data.begin(), v.data.end(), std::copy(k.data.begin(), k.data.end(), present.data()));
  present.finish();
  return {};
}

Status check_projection(const RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 3, "input"));
  LATHE_TRY(check_rank(context, 1, 2, "weights"));
  if (context.tensor(1).dim(0) != context.tensor(0).dim(2))
    return context.error("has input " + to_string(context.tensor(0).shape()) + " and weights " +
                         to_string(context.tensor(1).shape()) + ", which do not fit");
  if (context.has_input(2) && context.tensor(2).count() != context.tensor(1).dim(1))
    return context.error("has a bias of shape " + to_string(context.tensor(2).shape()));
  return {};
}

/// rows = input * weights + bias.
template <class A>
std::vector<A> project(const RunContext& context, const A* input, const A* weights) {
  const int64_t width = context.tensor(1).dim(1), inner = context.tensor(1).dim(0);
  const int64_t count = context.tensor(0).dim(0) * context.tensor(0).dim(1);
  std::vector<A> rows(static_cast<size_t>(count * width));
  multiply<A>(count, width, inner, input, false, weights, false, rows.data());
  if (const Operand<A> bias = optional_operand<A>(context, 2))
    for (int64_t i = 0; i < count * width; ++i) rows[static_cast<size_t>(i)] += bias[i % width];
  return rows;
}

Status run_ms_attention(RunContext& context) {
  LATHE_TRY(check_projection(context));
  LATHE_ASSIGN(const Shape sizes, hidden_sizes(context.node(), context.tensor(1).dim(1)));
  return compute_float(context, context.tensor(0).type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const auto rows =
        project(context, Operand<A>(context.tensor(0)).data(), Operand<A>(context.tensor(1)).data());
    return run_projected<A>(context, rows, sizes, 3, 4, 5);
  });
}

/// (stored - zero point) * scale, with one parameter or one per column.
Result<std::vector<float>> dequantized(const RunContext& context, size_t input, size_t scale_input,
                                       size_t zero_input) {
  const Tensor& tensor = context.tensor(input);
  const Operand<float> values(tensor), scale(context.tensor(scale_input)),
      zero = optional_operand<float>(context, zero_input);
  const int64_t columns = std::max<int64_t>(1, tensor.shape().back()),
                scales = context.tensor(scale_input).count();
  const int64_t zeros = zero ? context.tensor(zero_input).count() : 1;
  if ((scales != 1 && scales != columns) || (zeros != 1 && zeros != columns))
    return context.error("has quantisation parameters that do not fit");
  std::vector<float> out(static_cast<size_t>(tensor.count()));
  for (int64_t i = 0; i < tensor.count(); ++i)
    out[static_cast<size_t>(i)] = (values[i] - (zero ? zero[zeros == 1 ? 0 : i % columns] : 0.0f)) *
                                  scale[scales == 1 ? 0 : i % columns];
  return out;
}

Status run_qattention(RunContext& context) {
  LATHE_TRY(check_projection(context));
  LATHE_TRY(check_rank(context, 3, -1, "input_scale"));
  LATHE_TRY(check_rank(context, 4, -1, "weight_scale"));
  LATHE_ASSIGN(const Shape sizes, hidden_sizes(context.node(), context.tensor(1).dim(1)));
  LATHE_ASSIGN(const auto input, dequantized(context, 0, 3, 6));
  LATHE_ASSIGN(const auto weights, dequantized(context, 1, 4, 7));
  return run_projected<float>(context, project(context, input.data(), weights.data()), sizes, 5, 8, 9);
}

Status infer_projected(InferContext& context, size_t past_input) {
  const Dims *x = context.dims(0), *w = context.dims(1);
  const ElementType element = is_float(context.element(0)) ? context.element(0) : ElementType::f32;
  if (x == nullptr || w == nullptr || x->size() != 3 || w->size() != 2 || !(*w)[1].known()) {
    context.set_tensor(0, element, std::nullopt);
    context.set_tensor(1, element, std::nullopt);
    return {};
  }
  LATHE_ASSIGN(const Shape sizes, hidden_sizes(context.node(), (*w)[1].value()));
  context.set_tensor(0, element, Dims{(*x)[0], (*x)[1], sizes[2]});
  const Dims* past = context.dims(past_input);
  const Dim total = !context.has_input(past_input)         ? (*x)[1]
                    : past != nullptr && past->size() == 5 ? (*past)[3] + (*x)[1]
                                                           : context.unknown_dim();
  const int64_t heads = context.attributes().get_int("num_heads", 1);
  context.set_tensor(1, element, Dims{2, (*x)[0], heads, total, sizes[0] / heads});
  return {};
}

Status infer_ms_attention(InferContext& context) {
  return infer_projected(context, 4);
}
Status infer_qattention(InferContext& context) {
  return infer_projected(context, 8);
}

/// Q, K and V of MultiHeadAttention from any of its input forms.
template <class A>
struct QueryKeyValue {
  Heads<A> q, k, v;
};

/// Part `index` of a packed [batch, length, heads, parts, size].
template <class A>
Result<Heads<A>> load_packed(const RunContext& context, size_t i, int64_t heads, int64_t parts,
                             int64_t index) {
  const Tensor& tensor = context.tensor(i);
  if (tensor.rank() != 5 || tensor.dim(2) != heads || tensor.dim(3) != parts)
    return context.error("has a packed input of shape " + to_string(tensor.shape()));
  const int64_t size = tensor.dim(4);
  return split_heads(Operand<A>(tensor).data(), tensor.dim(0), tensor.dim(1), heads, size,
                     {heads * parts * size, index * size, parts * size});
}

template <class A>
Result<QueryKeyValue<A>> load_multi_head(const RunContext& context, int64_t heads) {
  QueryKeyValue<A> out;
  if (!context.has_input(1)) {
    LATHE_ASSIGN(out.q, load_packed<A>(context, 0, heads, 3, 0));
    LATHE_ASSIGN(out.k, load_packed<A>(context, 0, heads, 3, 1));
    LATHE_ASSIGN(out.v, load_packed<A>(context, 0, heads, 3, 2));
    return out;
  }
  const Operand<A> bias = optional_operand<A>(context, 3);
  const int64_t hidden = context.tensor(0).shape().back();
  if (bias && context.tensor(3).count() < 2 * hidden)
    return context.error("has a bias of shape " + to_string(context.tensor(3).shape()));
  LATHE_ASSIGN(out.q, load_heads<A>(context, 0, heads, bias.data()));
  if (!context.has_input(2)) {
    LATHE_ASSIGN(out.k, load_packed<A>(context, 1, heads, 2, 0));
    LATHE_ASSIGN(out.v, load_packed<A>(context, 1, heads, 2, 1));
    return out;
  }
  const Tensor& value = context.tensor(2);
  const int64_t v_hidden = value.rank() == 4       ? heads * value.dim(3)
                           : value.shape().empty() ? 0
                                                   : value.shape().back();
  if (bias && context.tensor(3).count() != 2 * hidden + v_hidden)
    return context.error("has a bias of shape " + to_string(context.tensor(3).shape()));
  LATHE_ASSIGN(out.k, load_heads<A>(context, 1, heads, bias ? bias.data() + hidden : nullptr));
  LATHE_ASSIGN(out.v, load_heads<A>(context, 2, heads, bias ? bias.data() + 2 * hidden : nullptr));
  return out;
}

Status run_multi_head(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "query"));
  const int64_t heads = context.attributes().get_int("num_heads", 0);
  if (heads < 1 || context.tensor(0).rank() < 3)
    return context.error("needs num_heads and a query of rank 3 or 5");
  return compute_float(context, context.tensor(0).type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(QueryKeyValue<A> heads_of, load_multi_head<A>(context, heads));
    auto& [q, k, v] = heads_of;
    if (!consistent(q, k, v)) return context.error("has a query, key and value that do not fit");
    if (context.has_input(6) && context.has_input(7)) {
      const Shape past = context.tensor(6).shape();
      if (past.size() != 4 || past != Shape{k.batch, heads, past[2], k.size} ||
          context.tensor(7).shape() != Shape{v.batch, heads, past[2], v.size})
        return context.error("has a past of shape " + to_string(past));
      k = after_past(Operand<A>(context.tensor(6)).data(), past[2], std::move(k));
      v = after_past(Operand<A>(context.tensor(7)).data(), past[2], std::move(v));
    }
    AttentionProblem problem;
    LATHE_ASSIGN(problem.bias, score_bias(context, 4, 5, {q.batch, heads, q.length, k.length}));
    LATHE_TRY(attend_and_store(context, problem, q, k, v));
    LATHE_TRY(store_heads(context, 1, k));
    return store_heads(context, 2, v);
  });
}

Status infer_multi_head(InferContext& context) {
  const Dims *q = context.dims(0), *k = context.dims(1), *v = context.dims(2), *past = context.dims(6);
  const ElementType element = context.element(0);
  const Dim heads(context.attributes().get_int("num_heads", 1));
  if (q == nullptr || (context.has_input(1) && k == nullptr) || (context.has_input(2) && v == nullptr) ||
      (q->size() != 3 && q->size() != 5)) {
    for (size_t i = 0; i < 3; ++i) context.set_tensor(i, element, std::nullopt);
    return {};
  }
  const bool packed = q->size() == 5, packed_kv = !packed && k != nullptr && k->size() == 5;
  const Dim length = (*q)[1], size = packed ? (*q)[4] : dim_floor_div((*q)[2], heads);
  const bool by_heads = v != nullptr && v->size() == 4;
  const Dim v_size = packed || packed_kv || v == nullptr ? size
                     : by_heads                          ? (*v)[3]
                                                         : dim_floor_div(v->back(), heads);
  Dim keys = packed || k == nullptr ? length : k->size() == 4 ? (*k)[2] : (*k)[1];
  if (context.has_input(6))
    keys = past != nullptr && past->size() == 4 ? (*past)[2] + keys : context.unknown_dim();
  context.set_tensor(0, element, Dims{(*q)[0], length, heads * v_size});
  context.set_tensor(1, element, Dims{(*q)[0], heads, keys, size});
  context.set_tensor(2, element, Dims{(*q)[0], heads, keys, v_size});
  return {};
}

int64_t projected_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  const int64_t rows = inputs[0][0] * inputs[0][1];
  return 2 * rows * element_count(inputs[1]) + 4 * element_count(outputs[0]) * inputs[0][1];
}

}  // namespace

void register_ms_attention(OperatorRegistry& registry) {
  constexpr std::string_view domain = "com.microsoft";
  registry.add({domain,
                "Attention",
                {1},
                2,
                7,
                1,
                3,
                trait_none,
                infer_ms_attention,
                run_ms_attention,
                projected_flops});
  registry.add(
      {domain, "QAttention", {1}, 5, 9, 1, 2, trait_none, infer_qattention, run_qattention, projected_flops});
  registry.add({domain,
                "MultiHeadAttention",
                {1},
                1,
                10,
                1,
                4,
                trait_none,
                infer_multi_head,
                run_multi_head,
                multi_head_flops});
}

}  // namespace lathe
