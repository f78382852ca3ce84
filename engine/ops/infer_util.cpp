// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/infer_util.h"

#include <cmath>

#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"

namespace lathe {

Result<Dims> broadcast_dims(const Node& node, const Dims& a, const Dims& b) {
  Dims out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const Dim x = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim y = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    if (x.known() && y.known() && !x.is(1) && !y.is(1) && !(x == y))
      return node_error(node,
                        "has shapes " + to_string(a) + " and " + to_string(b) + ", which do not broadcast");
    Dim& to = out[out.size() - 1 - i];
    if (x.is(1))
      to = y;
    else
      to = y.known() && !y.is(1) && !x.known() ? y : x;
  }
  return out;
}

Result<std::optional<Dims>> broadcast_inputs(const InferContext& context, size_t first) {
  std::optional<Dims> out;
  for (size_t i = first; i < context.input_count(); ++i) {
    if (!context.has_input(i)) continue;
    const Dims* dims = context.dims(i);
    if (dims == nullptr) return std::optional<Dims>();
    if (!out) {
      out = *dims;
      continue;
    }
    LATHE_ASSIGN(Dims joined,
                 broadcast_dims(context.node(), *out, legacy_broadcast(context.node(), out->size(), *dims)));
    out = std::move(joined);
  }
  return out;
}

void set_same_shape(InferContext& context, size_t output, ElementType type, size_t input) {
  context.set_tensor(output, type, dims_or_unknown(context, input));
}

Status infer_same(InferContext& context) {
  set_same_shape(context, 0, context.element(0));
  return {};
}

Status infer_same_bool(InferContext& context) {
  set_same_shape(context, 0, ElementType::boolean);
  return {};
}

Status infer_same_contents(InferContext& context) {
  LATHE_TRY(infer_same(context));
  if (const auto elements = whole_contents(context, 0)) context.set_contents(0, *elements);
  return {};
}

std::optional<std::vector<Dim>> whole_contents(const InferContext& context, size_t i) {
  if (!context.has_input(i)) return std::nullopt;
  if (const std::vector<Dim>* elements = context.contents(i)) return *elements;
  const Tensor* constant = context.constant(i);
  if (constant == nullptr || !visit_float(constant->type(), [](auto) {}) || constant->rank() > 1 ||
      constant->count() > 64)
    return std::nullopt;
  std::vector<Dim> elements;
  for (const double element : constant->to_double()) {
    if (!(std::abs(element) < 0x1p53) || element != std::nearbyint(element)) return std::nullopt;
    elements.emplace_back(static_cast<int64_t>(element));
  }
  return elements;
}

void propagate(InferContext& context, const std::optional<Dims>& dims, std::vector<Dim> elements) {
  if (dims && dims->size() <= 1) context.set_contents(0, std::move(elements));
}

Result<ReducedAxes> resolve_reduced_axes(const Node& node, std::span<const int64_t> axes, size_t rank) {
  ReducedAxes out;
  out.keep = node.attributes.get_int("keepdims", 1) != 0;
  const bool all = axes.empty() && node.attributes.get_int("noop_with_empty_axes", 0) == 0;
  out.reduced.assign(rank, all);
  for (const int64_t axis : axes) {
    LATHE_ASSIGN(const size_t index, resolve_axis(node, axis, rank));
    out.reduced[index] = true;
  }
  return out;
}

Shape reduced_shape(const Shape& shape, const ReducedAxes& axes) {
  Shape out;
  for (size_t i = 0; i < shape.size(); ++i)
    if (!axes.reduced[i] || axes.keep) out.push_back(axes.reduced[i] ? 1 : shape[i]);
  return out;
}

Status infer_reduced(InferContext& context, ElementType type) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    context.set_tensor(0, type, std::nullopt);
    return {};
  }
  std::vector<int64_t> axes = context.attributes().get_ints("axes");
  if (context.has_input(1)) {
    const auto known = context.known_ints(1);
    if (!known) {
      const bool keep = context.attributes().get_int("keepdims", 1) != 0;
      const auto count = known_length(context, 1);
      if (!keep && (!count || *count == 0 || *count > dims->size()))
        context.set_tensor(0, type, std::nullopt);
      else
        context.set_tensor(0, type, unknown_dims(context, keep ? dims->size() : dims->size() - *count));
      return {};
    }
    axes = *known;
  }
  LATHE_ASSIGN(const ReducedAxes reduced, resolve_reduced_axes(context.node(), axes, dims->size()));
  Dims out;
  for (size_t i = 0; i < dims->size(); ++i)
    if (!reduced.reduced[i] || reduced.keep) out.push_back(reduced.reduced[i] ? Dim(1) : (*dims)[i]);
  context.set_tensor(0, type, std::move(out));
  return {};
}

AxisSplit split_at(std::span<const int64_t> shape, size_t axis) {
  AxisSplit split;
  for (size_t i = 0; i < axis; ++i) split.outer *= shape[i];
  split.size = shape[axis];
  for (size_t i = axis + 1; i < shape.size(); ++i) split.inner *= shape[i];
  return split;
}

}  // namespace lathe
