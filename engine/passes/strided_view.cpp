// SPDX-License-Identifier: Apache-2.0
#include "engine/passes/strided_view.h"

#include <algorithm>
#include <numeric>

namespace lathe {
namespace {

/// What a rearranging node's output is of its input 0: a view, axis by axis of the output.
std::optional<StridedView> transposed(const Node& node, const Shape& from) {
  std::vector<int64_t> perm = node.attributes.get_ints("perm");
  if (perm.empty()) {
    perm.resize(from.size());
    std::iota(perm.rbegin(), perm.rend(), int64_t{0});
  }
  return perm.size() == from.size() ? std::optional(permuted(whole(from), perm)) : std::nullopt;
}

/// Gather of one constant position drops the axis.
std::optional<StridedView> picked(const Graph& graph, const Node& node, const Shape& from) {
  const Tensor* index = graph.constant(node.inputs[1]);
  const auto axis = normalize_axis(node.attributes.get_int("axis", 0), from.size());
  if (index == nullptr || index->rank() != 0 || !axis || !is_integer(index->type())) return std::nullopt;
  const auto at = static_cast<size_t>(*axis);
  int64_t position = index->to_int64()[0];
  if (position < 0) position += from[at];
  if (position < 0 || position >= from[at]) return std::nullopt;
  StridedView view = whole(from);
  view.offset = position * view.strides[at];
  view.shape.erase(view.shape.begin() + *axis);
  view.strides.erase(view.strides.begin() + *axis);
  return view;
}

/// One output of a Split into constant sizes.
std::optional<StridedView> part(const PassContext& context, const Node& node, ValueId output,
                                const Shape& from) {
  const auto axis = normalize_axis(node.attributes.get_int("axis", 0), from.size());
  if (!axis) return std::nullopt;
  const auto at = static_cast<size_t>(*axis);
  StridedView view = whole(from);
  int64_t start = 0;
  for (const ValueId each : node.outputs) {
    const auto shape = static_shape(context, each);
    if (!shape) return std::nullopt;
    if (each == output) {
      view.shape = *shape;
      view.offset = start * view.strides[at];
      return view;
    }
    start += (*shape)[at];
  }
  return std::nullopt;
}

/// Slice with constant starts and steps of 1.
std::optional<StridedView> sliced(const PassContext& context, const Node& node, const Shape& from) {
  const auto shape = static_shape(context, node.outputs[0]);
  const auto ints = [&](size_t i) -> std::optional<std::vector<int64_t>> {
    const Tensor* tensor = i < node.inputs.size() ? context.graph.constant(node.inputs[i]) : nullptr;
    return tensor != nullptr && is_integer(tensor->type()) ? std::optional(tensor->to_int64()) : std::nullopt;
  };
  const auto given = [&](size_t i) { return i < node.inputs.size() && node.inputs[i].valid(); };
  const auto starts = ints(1), steps = ints(4);
  auto axes = ints(3);
  if (!shape || node.version < 10 || !starts || (given(3) && !axes) || (given(4) && !steps))
    return std::nullopt;
  if (steps && std::any_of(steps->begin(), steps->end(), [](int64_t step) { return step != 1; }))
    return std::nullopt;
  if (!axes) {
    axes.emplace(starts->size());
    std::iota(axes->begin(), axes->end(), int64_t{0});
  }
  if (axes->size() != starts->size()) return std::nullopt;
  StridedView view = whole(from);
  view.shape = *shape;
  for (size_t i = 0; i < axes->size(); ++i) {
    const auto axis = normalize_axis((*axes)[i], from.size());
    if (!axis) return std::nullopt;
    const int64_t size = from[static_cast<size_t>(*axis)];
    const int64_t start = (*starts)[i] < 0 ? (*starts)[i] + size : (*starts)[i];
    view.offset += std::clamp<int64_t>(start, 0, size) * view.strides[static_cast<size_t>(*axis)];
  }
  return view;
}

std::optional<StridedView> rearranged(const PassContext& context, const Node& node, ValueId output,
                                      const Shape& from) {
  if (is_op(node, "Transpose")) return transposed(node, from);
  if (is_op(node, "Gather")) return picked(context.graph, node, from);
  if (is_op(node, "Split")) return part(context, node, output, from);
  if (is_op(node, "Slice")) return sliced(context, node, from);
  return std::nullopt;
}

bool keeps_order(const Node& node) {
  for (const char* op : {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"})
    if (is_op(node, op)) return true;
  return false;
}

/// One axis (size, stride over a row-major tensor of `shape`) as a stride over what that tensor is a view of.
std::optional<int64_t> restride(int64_t size, int64_t stride, const Shape& shape,
                                const std::vector<int64_t>& strides) {
  if (size == 1 || stride == 0) return 0;
  const std::vector<int64_t> plain = row_major_strides(shape);
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 1 || stride % plain[axis] != 0 || stride >= plain[axis] * shape[axis]) continue;
    // It may run on over the axes before, as long as those follow without a seam.
    int64_t reach = (plain[axis] * shape[axis]) / stride;
    int64_t extent = strides[axis] * shape[axis];
    if ((plain[axis] * shape[axis]) % stride != 0 && reach < size) return std::nullopt;
    for (size_t outer = axis; reach < size && outer-- > 0;) {
      if (shape[outer] == 1) continue;
      if (strides[outer] != extent) return std::nullopt;
      reach *= shape[outer];
      extent *= shape[outer];
    }
    return reach >= size ? std::optional(strides[axis] * (stride / plain[axis])) : std::nullopt;
  }
  return std::nullopt;
}

/// `view` over a row-major tensor of inner.shape, as a view over what `inner` is a view of.
std::optional<StridedView> compose(const StridedView& view, const StridedView& inner) {
  StridedView made{view.shape, {}, inner.offset};
  for (size_t axis = 0; axis < view.shape.size(); ++axis) {
    const auto stride = restride(view.shape[axis], view.strides[axis], inner.shape, inner.strides);
    if (!stride) return std::nullopt;
    made.strides.push_back(*stride);
  }
  int64_t rest = view.offset;
  for (size_t axis = inner.shape.size(); axis-- > 0;) {
    made.offset += rest % inner.shape[axis] * inner.strides[axis];
    rest /= inner.shape[axis];
  }
  return made;
}

}  // namespace

StridedView whole(const Shape& shape) {
  return {shape, row_major_strides(shape), 0};
}

StridedView permuted(const StridedView& view, const std::vector<int64_t>& perm) {
  StridedView made{{}, {}, view.offset};
  for (const int64_t axis : perm) {
    made.shape.push_back(view.shape[static_cast<size_t>(axis)]);
    made.strides.push_back(view.strides[static_cast<size_t>(axis)]);
  }
  return made;
}

std::optional<StridedView> broadcast_batch(StridedView view, const Shape& batch) {
  if (view.shape.size() < 2 || view.shape.size() > batch.size() + 2) return std::nullopt;
  while (view.shape.size() < batch.size() + 2) {
    view.shape.insert(view.shape.begin(), 1);
    view.strides.insert(view.strides.begin(), 0);
  }
  for (size_t axis = 0; axis < batch.size(); ++axis) {
    if (view.shape[axis] == batch[axis]) continue;
    if (view.shape[axis] != 1) return std::nullopt;
    view.shape[axis] = batch[axis];
    view.strides[axis] = 0;
  }
  return view;
}

ViewedValue follow_up(const PassContext& context, ValueId value, StridedView view) {
  ViewedValue seen{value, std::move(view)};
  while (const Node* node = producer(context.graph, seen.source)) {
    if (node->inputs.empty() || !node->inputs[0].valid()) break;
    const ValueId before = node->inputs[0];
    const auto from = static_shape(context, before);
    const auto to = static_shape(context, seen.source);
    if (!from || !to || context.graph.constant(before) != nullptr || element_count(*from) == 0) break;
    if (keeps_order(*node)) {
      seen.source = before;
      continue;
    }
    const auto inner = rearranged(context, *node, seen.source, *from);
    if (!inner || inner->shape != *to) break;
    auto composed = compose(seen.view, *inner);
    if (!composed) break;
    seen = {before, std::move(*composed)};
  }
  return seen;
}

}  // namespace lathe
