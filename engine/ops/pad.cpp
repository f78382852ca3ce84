// SPDX-License-Identifier: Apache-2.0
// Pad in all modes and versions, and CenterCropPad.
#include <algorithm>

#include "engine/base/checked.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

/// Elements added (removed where negative) at the two ends of every axis.
struct Pads {
  std::vector<Dim> begin, end;
};

/// `amounts` is begin per axis, then end per axis, for `axes` (empty: all).
Result<Pads> spread_pads(const Node& node, const std::vector<Dim>& amounts, std::span<const int64_t> axes,
                         bool all_axes, size_t rank) {
  const size_t count = all_axes ? rank : axes.size();
  if (amounts.size() != 2 * count)
    return node_error(
        node, "has " + std::to_string(amounts.size()) + " pads for " + std::to_string(count) + " axes");
  Pads pads{std::vector<Dim>(rank), std::vector<Dim>(rank)};
  for (size_t i = 0; i < count; ++i) {
    size_t axis = i;
    if (!all_axes) {
      LATHE_ASSIGN(axis, resolve_axis(node, axes[i], rank));
    }
    pads.begin[axis] = amounts[i];
    pads.end[axis] = amounts[count + i];
  }
  return pads;
}

/// Pads of opset 1 and 2, which are attributes.
std::vector<int64_t> attribute_pads(const Node& node) {
  return node.attributes.get_ints(node.version < 2 ? "paddings" : "pads");
}

Status infer_pad(InferContext& context) {
  const Dims* input = context.dims(0);
  if (input == nullptr) return infer_unknown_shape(context);
  std::optional<std::vector<Dim>> amounts;
  std::optional<std::vector<int64_t>> axes;
  if (context.version() < 11)
    amounts = to_dims(attribute_pads(context.node()));
  else if (const std::vector<Dim>* contents = context.contents(1))
    amounts = *contents;
  if (context.has_input(3)) axes = context.known_ints(3);
  if (!amounts || (context.has_input(3) && !axes)) {
    // Axes that are not named keep their size.
    Dims dims = *input;
    if (axes) {
      LATHE_ASSIGN(const auto named, resolve_axes(context.node(), *axes, dims.size()));
      for (const size_t axis : named) dims[axis] = context.data_dependent_dim("pad");
    } else {
      for (Dim& dim : dims) dim = context.data_dependent_dim("pad");
    }
    context.set_tensor(0, context.element(0), std::move(dims));
    return {};
  }
  LATHE_ASSIGN(const Pads pads, spread_pads(context.node(), *amounts, axes ? *axes : std::vector<int64_t>(),
                                            !context.has_input(3), input->size()));
  Dims dims;
  for (size_t i = 0; i < input->size(); ++i) {
    dims.push_back((*input)[i] + pads.begin[i] + pads.end[i]);
    if (dims[i].known() && dims[i].value() < 0)
      return node_error(context.node(), "removes more than axis " + std::to_string(i) + " of shape " +
                                            to_string(*input) + " has");
  }
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

/// What constant mode fills with.
Result<Tensor> pad_value(const RunContext& context, ElementType type) {
  if (context.has_input(2)) {
    LATHE_ASSIGN(const Tensor* value, tensor_input(context, 2, "constant_value"));
    if (value->count() != 1 || value->type() != type)
      return context.error("needs one constant_value of type " + std::string(to_string(type)));
    return *value;
  }
  LATHE_ASSIGN(Tensor value, Tensor::allocate(type, {}));
  fill_zero(value);
  const float given = context.attributes().get_float("value", 0);
  if (given != 0 && context.version() < 11)
    visit_float(type, [&](auto tag) { value.mutable_data<decltype(tag)>()[0] = decltype(tag)(given); });
  return value;
}

enum class PadMode { constant, reflect, edge, wrap };

Result<PadMode> pad_mode(const RunContext& context) {
  const std::string mode = context.attributes().get_string("mode", "constant");
  if (mode == "constant") return PadMode::constant;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "edge") return PadMode::edge;
  if (mode == "wrap") return PadMode::wrap;
  return context.error("has mode '" + mode + "', which is not known");
}

/// Position in 0..size-1 that position i (beyond an end, perhaps far) shows; size > 0.
int64_t source_position(int64_t i, int64_t size, PadMode mode) {
  if (mode == PadMode::edge) return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == PadMode::reflect && size == 1) return 0;
  const int64_t period = mode == PadMode::wrap ? size : 2 * (size - 1);
  const int64_t at = ((i % period) + period) % period;
  return at < size ? at : period - at;
}

/// A region of the source put somewhere into the output, whose shape is that of the output.
struct Placement {
  Shape shape;           ///< of the output
  Shape source, target;  ///< first position of the region on both sides
  Shape region;
};

Result<Placement> place(const RunContext& context, const Shape& input, std::span<const int64_t> begin,
                        std::span<const int64_t> end) {
  Placement placement;
  for (size_t i = 0; i < input.size(); ++i) {
    const auto total = checked_add(begin[i], end[i]);
    const auto size = total ? checked_add(input[i], *total) : std::nullopt;
    if (!size || *size < 0)
      return context.error("pads axis " + std::to_string(i) + " of size " + std::to_string(input[i]) +
                           " by " + std::to_string(begin[i]) + " and " + std::to_string(end[i]));
    placement.shape.push_back(*size);
    placement.source.push_back(std::min(input[i], std::max<int64_t>(0, -begin[i])));
    placement.target.push_back(std::min(*size, std::max<int64_t>(0, begin[i])));
    const int64_t kept = input[i] - placement.source[i] - std::max<int64_t>(0, -end[i]);
    placement.region.push_back(std::clamp<int64_t>(kept, 0, *size - placement.target[i]));
  }
  return placement;
}

int64_t offset_of(const Shape& position, const std::vector<int64_t>& strides) {
  int64_t offset = 0;
  for (size_t i = 0; i < position.size(); ++i) offset += position[i] * strides[i];
  return offset;
}

void copy_region(const Tensor& data, const Placement& placement, Tensor& output) {
  const auto from = row_major_strides(data.shape()), to = row_major_strides(output.shape());
  copy_strided(placement.region, data, {offset_of(placement.source, from), from}, output,
               {offset_of(placement.target, to), to});
}

/// Fills the borders of axis `axis` from positions that are filled already; axes before it show the region
/// only.
template <class T>
void extend_axis(const Placement& placement, size_t axis, PadMode mode, T* elements) {
  const Shape& shape = placement.shape;
  const auto strides = row_major_strides(shape);
  const int64_t run = strides[axis], first = placement.target[axis], size = placement.region[axis];
  Shape outer = placement.region;
  outer.resize(axis);
  Shape at(axis, 0);
  for (int64_t row = 0; row < element_count(outer); ++row) {
    int64_t base = 0;
    for (size_t i = 0; i < axis; ++i) base += (at[i] + placement.target[i]) * strides[i];
    for (int64_t i = 0; i < shape[axis]; ++i) {
      if (i >= first && i < first + size) continue;
      const int64_t source = first + source_position(i - first, size, mode);
      copy_run(elements + base + source * run, elements + base + i * run, run);
    }
    for (size_t i = axis; i-- > 0;) {
      if (++at[i] < outer[i]) break;
      at[i] = 0;
    }
  }
}

Status pad(RunContext& context, const Tensor& data, std::span<const int64_t> begin,
           std::span<const int64_t> end, PadMode mode) {
  LATHE_ASSIGN(const Placement placement, place(context, data.shape(), begin, end));
  if (mode != PadMode::constant && element_count(placement.shape) > 0)
    for (size_t i = 0; i < placement.shape.size(); ++i)
      if (placement.region[i] == 0)
        return context.error("has nothing on axis " + std::to_string(i) + " to pad from");
  LATHE_ASSIGN(Tensor * output, context.output(0, data.type(), placement.shape));
  if (output->count() == 0) return {};
  if (mode == PadMode::constant && placement.region != placement.shape) {
    LATHE_ASSIGN(const Tensor value, pad_value(context, data.type()));
    fill(value, 0, *output);
  }
  copy_region(data, placement, *output);
  if (mode == PadMode::constant) return {};
  visit_storage(data.type(), [&](auto tag) {
    using T = decltype(tag);
    for (size_t axis = placement.shape.size(); axis-- > 0;)
      if (placement.region[axis] != placement.shape[axis])
        extend_axis(placement, axis, mode, mutable_stored<T>(*output));
  });
  return {};
}

Status run_pad(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  std::vector<int64_t> amounts = attribute_pads(context.node());
  if (context.version() >= 11) {
    LATHE_TRY(tensor_input(context, 1, "pads"));
    LATHE_ASSIGN(amounts, int_input(context, 1, "pads"));
  }
  LATHE_ASSIGN(const auto axes, int_input(context, 3, "axes"));
  LATHE_ASSIGN(const Pads pads,
               spread_pads(context.node(), to_dims(amounts), axes, !context.has_input(3), data->rank()));
  LATHE_ASSIGN(const PadMode mode, pad_mode(context));
  return pad(context, *data, to_shape(pads.begin), to_shape(pads.end), mode);
}

/// Sizes CenterCropPad makes: `target` for its axes, the input's own elsewhere.
Result<Dims> center_dims(const Node& node, const Dims& input, const std::vector<Dim>& target) {
  std::vector<int64_t> axes = node.attributes.get_ints("axes");
  if (!node.attributes.has("axes"))
    for (size_t i = 0; i < input.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  LATHE_ASSIGN(const auto resolved, resolve_axes(node, axes, input.size()));
  if (resolved.size() != target.size())
    return node_error(node, "has " + std::to_string(target.size()) + " sizes for " +
                                std::to_string(resolved.size()) + " axes");
  Dims dims = input;
  for (size_t i = 0; i < resolved.size(); ++i) {
    if (target[i].known() && target[i].value() < 0)
      return node_error(node,
                        "is to make axis " + std::to_string(resolved[i]) + " of size " + target[i].text());
    dims[resolved[i]] = target[i];
  }
  return dims;
}

Status infer_center(InferContext& context) {
  const Dims* input = context.dims(0);
  if (input == nullptr) return infer_unknown_shape(context);
  std::vector<Dim> target;
  if (const std::vector<Dim>* contents = context.contents(1)) {
    target = *contents;
  } else {
    const size_t count =
        context.attributes().has("axes") ? context.attributes().get_ints("axes").size() : input->size();
    for (size_t i = 0; i < count; ++i) target.push_back(context.data_dependent_dim("crop"));
  }
  LATHE_ASSIGN(Dims dims, center_dims(context.node(), *input, target));
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

Status run_center(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input_data"));
  LATHE_TRY(tensor_input(context, 1, "shape"));
  LATHE_ASSIGN(const auto target, int_input(context, 1, "shape"));
  LATHE_ASSIGN(const Dims dims, center_dims(context.node(), to_dims(data->shape()), to_dims(target)));
  std::vector<int64_t> begin, end;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t more = dims[i].value() - data->dim(i);
    begin.push_back(more < 0 ? -(-more / 2) : more / 2);
    end.push_back(more - begin.back());
  }
  return pad(context, *data, begin, end, PadMode::constant);
}

}  // namespace

void register_pad(OperatorRegistry& registry) {
  registry.add({"",
                "Pad",
                {1, 2, 11, 13, 18, 19, 21, 23, 24, 25},
                1,
                4,
                1,
                1,
                trait_none,
                infer_pad,
                run_pad,
                no_flops});
  registry.add({"", "CenterCropPad", {18}, 2, 2, 1, 1, trait_none, infer_center, run_center, no_flops});
}

}  // namespace lathe
