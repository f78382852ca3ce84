// SPDX-License-Identifier: Apache-2.0
// Attention of ai.onnx 23 to 25.
#include <algorithm>

#include "engine/ops/attention_core.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"

namespace lathe {
namespace {

/// [batch, heads, length, size] of an input of rank 3 or 4.
struct HeadShape {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
};

Result<HeadShape> head_shape(const Node& node, const Shape& shape, int64_t heads) {
  if (shape.size() == 4) return HeadShape{shape[0], shape[1], shape[2], shape[3]};
  if (shape.size() != 3 || heads < 1 || shape[2] % heads != 0)
    return node_error(
        node, "has an input of shape " + to_string(shape) + " for " + std::to_string(heads) + " heads");
  return HeadShape{shape[0], heads, shape[1], shape[2] / heads};
}

int64_t q_heads(const Node& node) {
  return node.attributes.get_int("q_num_heads", 0);
}
int64_t kv_heads(const Node& node) {
  return node.attributes.get_int("kv_num_heads", 0);
}

Status infer_attention(InferContext& context) {
  const Dims *q = context.dims(0), *k = context.dims(1), *v = context.dims(2);
  const ElementType element = context.element(0);
  if (q == nullptr || k == nullptr || v == nullptr) {
    for (size_t i = 0; i < 4; ++i) context.set_tensor(i, element, std::nullopt);
    return {};
  }
  const size_t rank = q->size();
  if ((rank != 3 && rank != 4) || k->size() != rank || v->size() != rank)
    return node_error(context.node(), "needs Q, K and V of rank 3 or all of rank 4");
  const bool flat = rank == 3;
  const Dim heads = flat ? Dim(q_heads(context.node())) : (*q)[1],
            groups = flat ? Dim(kv_heads(context.node())) : (*k)[1];
  if (flat && (!heads.known() || heads.value() < 1 || !groups.known() || groups.value() < 1))
    return node_error(context.node(), "needs q_num_heads and kv_num_heads");
  const Dim queries = (*q)[flat ? 1 : 2], keys = (*k)[flat ? 1 : 2];
  const Dim size = flat ? dim_floor_div((*k)[2], groups) : (*k)[3],
            v_size = flat ? dim_floor_div((*v)[2], groups) : (*v)[3];
  const Dims* past = context.dims(4);
  const Dim total = !context.has_input(4)                  ? keys
                    : past != nullptr && past->size() == 4 ? (*past)[2] + keys
                                                           : context.unknown_dim();
  context.set_tensor(0, element,
                     flat ? Dims{(*q)[0], queries, heads * v_size} : Dims{(*q)[0], heads, queries, v_size});
  context.set_tensor(1, element, Dims{(*q)[0], groups, total, size});
  context.set_tensor(2, context.element(2), Dims{(*q)[0], groups, total, v_size});
  context.set_tensor(3, element, Dims{(*q)[0], heads, queries, total});
  return {};
}

/// An input as [batch, heads, length, size].
template <class A>
std::vector<A> load_heads(const Tensor& tensor, const HeadShape& shape) {
  std::vector<A> out(static_cast<size_t>(tensor.count()));
  const Operand<A> data(tensor);
  const int64_t order[] = {0, 2, 1, 3};
  if (tensor.rank() == 3)
    permute(data.data(), {shape.batch, shape.length, shape.heads, shape.size}, order, out.data());
  else
    std::copy_n(data.data(), out.size(), out.begin());
  return out;
}

/// past [batch, heads, past length, size] before `current`, along the length.
template <class A>
std::vector<A> append(const Tensor& past, const std::vector<A>& current, const HeadShape& shape) {
  const Operand<A> earlier(past);
  const int64_t before = past.dim(2) * shape.size, now = shape.length * shape.size;
  std::vector<A> out;
  out.reserve(static_cast<size_t>(past.count()) + current.size());
  for (int64_t row = 0; row < shape.batch * shape.heads; ++row) {
    out.insert(out.end(), earlier.data() + row * before, earlier.data() + (row + 1) * before);
    out.insert(out.end(), current.begin() + row * now, current.begin() + (row + 1) * now);
  }
  return out;
}

/// What the mask inputs and attributes add to a score.
struct MaskRule {
  Operand<double> mask;
  bool boolean = false;
  int64_t mask_keys = 0;         ///< of the mask's last axis; keys beyond are masked
  std::vector<int64_t> strides;  ///< of batch, head, query, key
  bool causal = false;
  int64_t left_window = -1, right_window = -1;
  std::vector<int64_t> offsets, valid;  ///< per batch item

  double operator()(int64_t b, int64_t head, int64_t i, int64_t j) const {
    constexpr double masked = -std::numeric_limits<double>::infinity();
    const int64_t position = i + offsets[static_cast<size_t>(b)];
    if (j >= valid[static_cast<size_t>(b)] || (causal && j > position)) return masked;
    if ((left_window >= 0 && position - j > left_window) ||
        (right_window >= 0 && j - position > right_window))
      return masked;
    if (strides.empty()) return 0;
    if (j >= mask_keys && mask_keys != 1) return masked;
    const double value = mask[b * strides[0] + head * strides[1] + i * strides[2] + j * strides[3]];
    if (boolean) return value != 0 ? 0 : masked;
    return value;
  }
};

Result<MaskRule> make_mask(const RunContext& context, const AttentionProblem& p, int64_t past) {
  MaskRule rule;
  const auto batch = static_cast<size_t>(p.batch);
  rule.causal = context.attributes().get_int("is_causal", 0) != 0;
  rule.left_window = context.attributes().get_int("left_window_size", -1);
  rule.right_window = context.attributes().get_int("right_window_size", -1);
  rule.offsets.assign(batch, past);
  rule.valid.assign(batch, p.keys);
  if (context.has_input(6)) {
    rule.valid = context.tensor(6).to_int64();
    if (rule.valid.size() != batch) return context.error("needs one nonpad_kv_seqlen per batch item");
    for (size_t b = 0; b < batch; ++b) {
      if (rule.valid[b] < 0 || rule.valid[b] > p.keys)
        return context.error("has a nonpad_kv_seqlen out of range");
      rule.offsets[b] = rule.valid[b] - p.queries;
    }
  }
  if (!context.has_input(3)) return rule;
  const Tensor& mask = context.tensor(3);
  rule.boolean = mask.type() == ElementType::boolean;
  rule.mask_keys = mask.rank() > 0 ? mask.shape().back() : 1;
  const Shape target{p.batch, p.heads, p.queries, rule.mask_keys};
  if (mask.rank() > 4 || rule.mask_keys > p.keys || broadcast(mask.shape(), target) != target)
    return context.error("has a mask of shape " + to_string(mask.shape()) + ", which does not fit");
  rule.strides = broadcast_strides(mask.shape(), target);
  if (rule.mask_keys == 1 && p.keys > 1) rule.strides[3] = 0;
  if (rule.boolean) {
    LATHE_ASSIGN(Tensor numbers, Tensor::allocate(ElementType::u8, mask.shape()));
    std::copy_n(mask.raw(), mask.bytes(), numbers.mutable_raw());
    rule.mask = Operand<double>(numbers);
  } else {
    rule.mask = Operand<double>(mask);
  }
  return rule;
}

template <class A>
Status store_plain(RunContext& context, size_t i, ElementType type, Shape shape,
                   const std::vector<A>& values) {
  if (!context.has_output(i)) return {};
  LATHE_ASSIGN(OutputBuffer<A> out, OutputBuffer<A>::make(context, i, type, std::move(shape)));
  std::copy(values.begin(), values.end(), out.data());
  out.finish();
  return {};
}

template <class A>
Status run_typed(RunContext& context, const HeadShape& q, const HeadShape& k, const HeadShape& v) {
  const int64_t past = context.has_input(4) ? context.tensor(4).dim(2) : 0;
  AttentionProblem problem{q.batch, q.heads, k.heads, q.length, past + k.length, q.size, v.size};
  problem.scale = context.attributes().get_float("scale", 0);
  if (!context.attributes().has("scale")) problem.scale = 1 / std::sqrt(static_cast<double>(q.size));
  problem.softcap = context.attributes().get_float("softcap", 0);
  LATHE_ASSIGN(const MaskRule rule, make_mask(context, problem, past));
  problem.bias = std::cref(rule);
  const std::vector<A> query = load_heads<A>(context.tensor(0), q);
  std::vector<A> key = load_heads<A>(context.tensor(1), k), value = load_heads<A>(context.tensor(2), v);
  if (past > 0) {
    key = append(context.tensor(4), key, k);
    value = append(context.tensor(5), value, v);
  }
  const ElementType type = context.tensor(0).type();
  std::vector<A> result(static_cast<size_t>(q.batch * q.heads * q.length * v.size));
  std::vector<A> scores(
      context.has_output(3) ? static_cast<size_t>(q.batch * q.heads * q.length * problem.keys) : 0);
  const auto stage = static_cast<AttentionStage>(context.attributes().get_int("qk_matmul_output_mode", 0));
  attend(problem, query.data(), key.data(), value.data(), result.data(),
         scores.empty() ? nullptr : scores.data(), stage);
  const Shape plain{q.batch, q.heads, q.length, v.size};
  if (context.tensor(0).rank() == 3) {
    std::vector<A> flat(result.size());
    const int64_t order[] = {0, 2, 1, 3};
    permute(result.data(), plain, order, flat.data());
    LATHE_TRY(store_plain(context, 0, type, {q.batch, q.length, q.heads * v.size}, flat));
  } else {
    LATHE_TRY(store_plain(context, 0, type, plain, result));
  }
  LATHE_TRY(store_plain(context, 1, type, {k.batch, k.heads, problem.keys, k.size}, key));
  LATHE_TRY(
      store_plain(context, 2, context.tensor(2).type(), {v.batch, v.heads, problem.keys, v.size}, value));
  return store_plain(context, 3, type, {q.batch, q.heads, q.length, problem.keys}, scores);
}

Status run_attention(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "Q, K or V"));
  const Node& node = context.node();
  LATHE_ASSIGN(const HeadShape q, head_shape(node, context.tensor(0).shape(), q_heads(node)));
  LATHE_ASSIGN(const HeadShape k, head_shape(node, context.tensor(1).shape(), kv_heads(node)));
  LATHE_ASSIGN(const HeadShape v, head_shape(node, context.tensor(2).shape(), kv_heads(node)));
  if (k.heads < 1 || q.heads % k.heads != 0 || v.heads != k.heads || q.size != k.size ||
      k.length != v.length || q.batch != k.batch || q.batch != v.batch)
    return context.error("has Q " + to_string(context.tensor(0).shape()) + ", K " +
                         to_string(context.tensor(1).shape()) + " and V " +
                         to_string(context.tensor(2).shape()) + ", which do not fit");
  if (context.has_input(4) != context.has_input(5))
    return context.error("needs both past_key and past_value, or neither");
  if (context.has_input(4)) {
    const Shape &past_key = context.tensor(4).shape(), &past_value = context.tensor(5).shape();
    if (past_key.size() != 4 || past_value.size() != 4 ||
        past_key != Shape{k.batch, k.heads, past_key[2], k.size} ||
        past_value != Shape{v.batch, v.heads, past_key[2], v.size})
      return context.error("has a past of shapes " + to_string(past_key) + " and " + to_string(past_value));
  }
  const int64_t mode = context.attributes().get_int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) return context.error("has an unknown qk_matmul_output_mode");
  return compute_float(context, context.tensor(0).type(),
                       [&](auto tag) -> Status { return run_typed<decltype(tag)>(context, q, k, v); });
}

int64_t attention_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto q = head_shape(node, inputs[0], q_heads(node)), k = head_shape(node, inputs[1], kv_heads(node)),
             v = head_shape(node, inputs[2], kv_heads(node));
  if (!q.ok() || !k.ok() || !v.ok()) return 0;
  const int64_t keys = k->length + (inputs.size() > 4 && inputs[4].size() == 4 ? inputs[4][2] : 0);
  return 2 * q->batch * q->heads * q->length * keys * (q->size + v->size);
}

}  // namespace

void register_attention(OperatorRegistry& registry) {
  registry.add({"",
                "Attention",
                {23, 24, 25},
                3,
                7,
                1,
                4,
                trait_none,
                infer_attention,
                run_attention,
                attention_flops});
}

}  // namespace lathe
