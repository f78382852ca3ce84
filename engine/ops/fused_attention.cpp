// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/fused_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/operand.h"

namespace lathe {
namespace {

Result<StridedView> read_view(const Node& node, const std::string& side) {
  StridedView view{node.attributes.get_ints(side + "_shape"), node.attributes.get_ints(side + "_strides"),
                   node.attributes.get_int(side + "_offset", 0)};
  const bool counted = std::all_of(view.shape.begin(), view.shape.end(), [](int64_t n) { return n >= 0; });
  if (view.shape.size() < 2 || view.strides.size() != view.shape.size() || !counted)
    return node_error(node, "has no valid view of " + side);
  return view;
}

/// Every element lies within [0, count).
bool within(const StridedView& view, int64_t count) {
  if (element_count(view.shape) == 0) return true;
  int64_t low = view.offset, high = view.offset;
  for (size_t i = 0; i < view.shape.size(); ++i)
    (view.strides[i] < 0 ? low : high) += (view.shape[i] - 1) * view.strides[i];
  return low >= 0 && high < count;
}

Status infer_attention(InferContext& context) {
  LATHE_ASSIGN(const AttentionForm form, parse_attention(context.node(), 0, 0, 0));
  context.set_tensor(0, context.element(0), to_dims(form.output));
  return {};
}

template <class A>
void attend_batch(const AttentionForm& form, int64_t batch, const Operand<A>& q, const Operand<A>& k,
                  const Operand<A>& v, const Operand<A>& mask, const StridedView& mask_at, A* y) {
  const size_t rank = form.batch_rank();
  const int64_t q0 = form.batch_offset(form.q, batch), k0 = form.batch_offset(form.k, batch),
                v0 = form.batch_offset(form.v, batch), y0 = form.batch_offset(form.y, batch),
                m0 = mask ? form.batch_offset(mask_at, batch) : 0;
  const auto step = [&](const StridedView& view, size_t axis) { return view.strides[rank + axis]; };
  std::vector<A> scores(static_cast<size_t>(form.keys()));
  for (int64_t i = 0; i < form.queries(); ++i) {
    A highest = -std::numeric_limits<A>::infinity(), sum = 0;
    for (int64_t j = 0; j < form.keys(); ++j) {
      A score = 0;
      for (int64_t d = 0; d < form.size(); ++d)
        score += q[q0 + i * step(form.q, 0) + d * step(form.q, 1)] *
                 k[k0 + d * step(form.k, 0) + j * step(form.k, 1)];
      score *= static_cast<A>(form.scale);
      if (mask) score += mask[m0 + i * step(mask_at, 0) + j * step(mask_at, 1)];
      scores[static_cast<size_t>(j)] = score;
      highest = std::max(highest, score);
    }
    for (A& score : scores) sum += score = std::exp(score - highest);
    for (int64_t e = 0; e < form.v_size(); ++e) {
      A value = 0;
      for (int64_t j = 0; j < form.keys(); ++j)
        value += scores[static_cast<size_t>(j)] * v[v0 + j * step(form.v, 0) + e * step(form.v, 1)];
      y[y0 + i * step(form.y, 0) + e * step(form.y, 1)] = value / sum;
    }
  }
}

Status run_attention(RunContext& context) {
  for (size_t i = 0; i < 3; ++i) LATHE_TRY(check_rank(context, i, -1, "an operand"));
  const Tensor& first = context.tensor(0);
  LATHE_ASSIGN(
      const AttentionForm form,
      parse_attention(context.node(), first.count(), context.tensor(1).count(), context.tensor(2).count()));
  StridedView mask_at;
  if (context.has_input(3)) {
    LATHE_ASSIGN(mask_at, mask_view(context.node(), form, context.tensor(3).shape()));
  }
  return compute_float(context, first.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> q(first), k(context.tensor(1)), v(context.tensor(2));
    const Operand<A> mask = optional_operand<A>(context, 3);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, first.type(), form.output));
    for (int64_t batch = 0; batch < form.batches(); ++batch)
      attend_batch<A>(form, batch, q, k, v, mask, mask_at, y.data());
    y.finish();
    return {};
  });
}

int64_t attention_flops(const Node& node, std::span<const Shape>, std::span<const Shape>) {
  const auto form = parse_attention(node, 0, 0, 0);
  return form.ok() ? form->flops() : 0;
}

}  // namespace

int64_t AttentionForm::batch_offset(const StridedView& view, int64_t i) const {
  int64_t offset = view.offset;
  for (size_t axis = batch_rank(); axis-- > 0;) {
    offset += i % y.shape[axis] * view.strides[axis];
    i /= y.shape[axis];
  }
  return offset;
}

Result<AttentionForm> parse_attention(const Node& node, int64_t q_count, int64_t k_count, int64_t v_count) {
  AttentionForm form;
  LATHE_ASSIGN(form.q, read_view(node, "q"));
  LATHE_ASSIGN(form.k, read_view(node, "k"));
  LATHE_ASSIGN(form.v, read_view(node, "v"));
  LATHE_ASSIGN(form.y, read_view(node, "y"));
  form.output = node.attributes.get_ints("output");
  form.scale = node.attributes.get_float("scale", 1.0F);
  const size_t rank = form.batch_rank();
  const auto wanted = [&](int64_t rows, int64_t columns) {
    Shape shape(form.y.shape.begin(), form.y.shape.begin() + static_cast<std::ptrdiff_t>(rank));
    shape.push_back(rows);
    shape.push_back(columns);
    return shape;
  };
  if (form.q.shape.size() != rank + 2 || form.v.shape.size() != rank + 2 ||
      form.q.shape != wanted(form.y.shape[rank], form.q.shape.back()) ||
      form.k.shape != wanted(form.q.shape.back(), form.v.shape[rank]) ||
      form.v.shape != wanted(form.v.shape[rank], form.y.shape.back()))
    return node_error(node, "has views that do not fit each other");
  const bool inside = (q_count == 0 || within(form.q, q_count)) &&
                      (k_count == 0 || within(form.k, k_count)) &&
                      (v_count == 0 || within(form.v, v_count)) && within(form.y, element_count(form.output));
  if (!inside) return node_error(node, "has a view that reaches outside its tensor");
  return form;
}

void set_view(Attributes& attributes, std::string_view side, const StridedView& view) {
  attributes.set(std::string(side) + "_shape", view.shape);
  attributes.set(std::string(side) + "_strides", view.strides);
  attributes.set(std::string(side) + "_offset", view.offset);
}

Result<StridedView> mask_view(const Node& node, const AttentionForm& form, const Shape& mask) {
  StridedView view;
  view.shape = form.y.shape;
  view.shape.back() = form.keys();
  if (broadcast(mask, view.shape) != view.shape)
    return node_error(node, "has a mask of shape " + to_string(mask) + ", which does not broadcast to " +
                                to_string(view.shape));
  view.strides = broadcast_strides(mask, view.shape);
  return view;
}

void register_fused_attention(OperatorRegistry& registry) {
  registry.add({"lathe",
                "Attention",
                {1},
                3,
                4,
                1,
                1,
                trait_internal,
                infer_attention,
                run_attention,
                attention_flops});
}

}  // namespace lathe
