// SPDX-License-Identifier: Apache-2.0
// Slice: attributes in opset 1, inputs and steps from opset 10.
#include <algorithm>
#include <limits>

#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

/// One sliced axis: elements start, start + step, ... before end, all inside the axis.
struct Cut {
  int64_t start = 0, step = 1, count = 0;
};

/// ONNX's clamping of a start, end and step to an axis of `size` elements.
Cut clamp_cut(int64_t start, int64_t end, int64_t step, int64_t size) {
  if (start < 0) start = start < -size ? -1 : start + size;
  if (end < 0) end = end < -size ? -1 : end + size;
  Cut cut;
  cut.step = step;
  if (size == 0) return cut;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    if (end > start) cut.count = (end - start - 1) / step + 1;
  } else {
    start = std::clamp<int64_t>(start, 0, size - 1);
    end = std::clamp<int64_t>(end, -1, size - 1);
    // -(step + 1) + 1 would overflow for the smallest step.
    const auto magnitude = uint64_t{0} - static_cast<uint64_t>(step);
    if (start > end)
      cut.count = static_cast<int64_t>((static_cast<uint64_t>(start - end) - 1) / magnitude) + 1;
  }
  cut.start = cut.count == 0 ? 0 : start;
  return cut;
}

bool looks_negative(const Dim& dim) {
  return dim.known() ? dim.value() < 0 : dim.text().starts_with('-');
}

/// A position counted from the front and kept within 0..size. A symbolic size is taken to be at least 1, and
/// a symbolic position to lie within a known size: a model that cuts its tables beyond their end does not
/// work anyway.
Dim clamp_position(const Dim& position, const Dim& size) {
  if (position == size) return size;
  const Dim beyond = position - size;
  if (beyond.known() && !position.known()) return beyond.value() >= 0 ? size : dim_max(position, Dim(0));
  if (!position.known()) {
    const Dim from_front = looks_negative(position) ? size + position : position;
    return size.known() || looks_negative(position) ? from_front : dim_min(from_front, size);
  }
  const int64_t p = position.value();
  if (size.known())
    return Dim(std::clamp<int64_t>(p < 0 ? (p < -size.value() ? 0 : p + size.value()) : p, 0, size.value()));
  if (p == 0 || p == 1) return position;
  if (p == -1) return size + position;
  if (p >= std::numeric_limits<int32_t>::max()) return size;
  if (p <= -std::numeric_limits<int32_t>::max()) return Dim(0);
  return p < 0 ? dim_max(size + position, Dim(0)) : dim_min(position, size);
}

/// Number of elements of a cut whose positions or size may be symbolic.
Dim cut_length(const Dim& start, const Dim& end, int64_t step, const Dim& size) {
  if (start.known() && end.known() && size.known())
    return Dim(clamp_cut(start.value(), end.value(), step, size.value()).count);
  if (step < 0) {
    // The common case: the whole axis backwards.
    const bool from_end =
        (start.known() && (start.is(-1) || start.value() >= std::numeric_limits<int32_t>::max())) ||
        start == size - Dim(1);
    const bool to_begin = end.known() && end.value() <= -std::numeric_limits<int32_t>::max();
    if (from_end && to_begin) return dim_ceil_div(size, Dim(-step));
    return dim_function("slice", {start, end, Dim(step), size});
  }
  const Dim distance = clamp_position(end, size) - clamp_position(start, size);
  if (distance.known() && distance.value() <= 0) return Dim(0);
  return step == 1 ? distance : dim_ceil_div(distance, Dim(step));
}

/// Starts, ends, axes and steps, as far as they are known.
struct SliceArguments {
  std::optional<std::vector<Dim>> starts, ends;
  std::optional<std::vector<int64_t>> axes, steps;
};

std::optional<std::vector<Dim>> contents_of(const InferContext& context, size_t i) {
  const std::vector<Dim>* contents = context.contents(i);
  return contents != nullptr ? std::optional(*contents) : std::nullopt;
}

std::vector<int64_t> first_axes(size_t count) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i < count; ++i) axes.push_back(static_cast<int64_t>(i));
  return axes;
}

SliceArguments slice_arguments(const InferContext& context) {
  SliceArguments arguments;
  if (context.version() < 10) {
    arguments.starts = to_dims(context.attributes().get_ints("starts"));
    arguments.ends = to_dims(context.attributes().get_ints("ends"));
    arguments.axes = context.attributes().get_ints("axes");
    if (arguments.axes->empty()) arguments.axes = first_axes(arguments.starts->size());
    arguments.steps = std::vector<int64_t>(arguments.starts->size(), 1);
    return arguments;
  }
  arguments.starts = contents_of(context, 1);
  arguments.ends = contents_of(context, 2);
  auto length = known_length(context, 1);
  if (!length) length = known_length(context, 2);
  if (context.has_input(3))
    arguments.axes = context.known_ints(3);
  else if (length)
    arguments.axes = first_axes(*length);
  if (context.has_input(4))
    arguments.steps = context.known_ints(4);
  else if (arguments.axes)
    arguments.steps = std::vector<int64_t>(arguments.axes->size(), 1);
  return arguments;
}

Status check_lengths(const Node& node, size_t axes, size_t starts, size_t ends, size_t steps) {
  if (starts == axes && ends == axes && steps == axes) return {};
  return node_error(node, "has " + std::to_string(starts) + " starts, " + std::to_string(ends) + " ends, " +
                              std::to_string(axes) + " axes and " + std::to_string(steps) + " steps");
}

void slice_contents(InferContext& context, const SliceArguments& arguments) {
  if (!arguments.starts || !arguments.ends || !arguments.steps || arguments.axes->size() != 1) return;
  const Dim &start = arguments.starts->front(), &end = arguments.ends->front();
  const std::vector<Dim>* elements = start.known() && end.known() ? context.contents(0) : nullptr;
  if (elements == nullptr) return;
  const Cut cut =
      clamp_cut(start.value(), end.value(), arguments.steps->front(), static_cast<int64_t>(elements->size()));
  std::vector<Dim> out;
  for (int64_t i = 0; i < cut.count; ++i)
    out.push_back((*elements)[static_cast<size_t>(cut.start + i * cut.step)]);
  context.set_contents(0, std::move(out));
}

Status infer_slice(InferContext& context) {
  const Dims* input = context.dims(0);
  if (input == nullptr) return infer_unknown_shape(context);
  const SliceArguments arguments = slice_arguments(context);
  Dims dims = *input;
  if (!arguments.axes) {
    for (Dim& dim : dims) dim = context.data_dependent_dim("slice");
    context.set_tensor(0, context.element(0), std::move(dims));
    return {};
  }
  const size_t count = arguments.axes->size();
  LATHE_TRY(check_lengths(context.node(), count, arguments.starts ? arguments.starts->size() : count,
                          arguments.ends ? arguments.ends->size() : count,
                          arguments.steps ? arguments.steps->size() : count));
  LATHE_ASSIGN(const auto axes, resolve_axes(context.node(), *arguments.axes, dims.size()));
  for (size_t i = 0; i < count; ++i) {
    Dim& size = dims[axes[i]];
    if (arguments.steps && (*arguments.steps)[i] == 0) return node_error(context.node(), "has a step of 0");
    if (!arguments.starts || !arguments.ends || !arguments.steps)
      size = context.data_dependent_dim("slice");
    else
      size = cut_length((*arguments.starts)[i], (*arguments.ends)[i], (*arguments.steps)[i], size);
  }
  const bool list = dims.size() == 1;
  context.set_tensor(0, context.element(0), std::move(dims));
  if (list) slice_contents(context, arguments);
  return {};
}

Status run_slice(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  std::vector<int64_t> starts = context.attributes().get_ints("starts"),
                       ends = context.attributes().get_ints("ends"),
                       axes = context.attributes().get_ints("axes"), steps;
  bool default_axes = axes.empty();
  if (context.version() >= 10) {
    LATHE_TRY(tensor_input(context, 1, "starts"));
    LATHE_TRY(tensor_input(context, 2, "ends"));
    LATHE_ASSIGN(starts, int_input(context, 1, "starts"));
    LATHE_ASSIGN(ends, int_input(context, 2, "ends"));
    LATHE_ASSIGN(axes, int_input(context, 3, "axes"));
    LATHE_ASSIGN(steps, int_input(context, 4, "steps"));
    default_axes = !context.has_input(3);
  }
  if (default_axes) axes = first_axes(starts.size());
  if (!context.has_input(4)) steps.assign(starts.size(), 1);
  LATHE_TRY(check_lengths(context.node(), axes.size(), starts.size(), ends.size(), steps.size()));
  LATHE_ASSIGN(const auto resolved, resolve_axes(context.node(), axes, data->rank()));
  const std::vector<int64_t> strides = row_major_strides(data->shape());
  Shape shape = data->shape();
  StridedView view{0, strides};
  for (size_t i = 0; i < resolved.size(); ++i) {
    const size_t axis = resolved[i];
    if (steps[i] == 0) return context.error("has a step of 0");
    const Cut cut = clamp_cut(starts[i], ends[i], steps[i], shape[axis]);
    shape[axis] = cut.count;
    view.offset += cut.start * strides[axis];
    // With one element or none the step does not matter, and might overflow.
    if (cut.count > 1) view.strides[axis] = strides[axis] * cut.step;
  }
  LATHE_ASSIGN(Tensor * output, context.output(0, data->type(), shape));
  copy_strided(shape, *data, view, *output, whole(shape));
  return {};
}

}  // namespace

void register_slice(OperatorRegistry& registry) {
  registry.add({"", "Slice", {1, 10, 11, 13}, 1, 5, 1, 1, trait_none, infer_slice, run_slice, no_flops});
}

}  // namespace lathe
