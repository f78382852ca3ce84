// SPDX-License-Identifier: Apache-2.0
// Shape and Size, and the operators that show the same bytes under another shape: Reshape, Flatten, Squeeze,
// Unsqueeze.
#include <algorithm>

#include "engine/base/checked.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

/// Axes start..end of Shape, clamped to the rank.
std::pair<size_t, size_t> shape_range(const Attributes& attributes, size_t rank) {
  const auto n = static_cast<int64_t>(rank);
  const auto clamp = [n](int64_t axis) { return std::clamp<int64_t>(axis < 0 ? axis + n : axis, 0, n); };
  const int64_t begin = clamp(attributes.get_int("start", 0));
  const int64_t end = std::max(begin, clamp(attributes.get_int("end", n)));
  return {static_cast<size_t>(begin), static_cast<size_t>(end)};
}

Status infer_shape(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    context.set_tensor(0, ElementType::i64, Dims{context.unknown_dim()});
    return {};
  }
  const auto [begin, end] = shape_range(context.attributes(), dims->size());
  context.set_tensor(0, ElementType::i64, Dims{Dim(static_cast<int64_t>(end - begin))});
  context.set_contents(
      0, {dims->begin() + static_cast<ptrdiff_t>(begin), dims->begin() + static_cast<ptrdiff_t>(end)});
  return {};
}

Status run_shape(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  const auto [begin, end] = shape_range(context.attributes(), data->rank());
  LATHE_ASSIGN(Tensor * output, context.output(0, ElementType::i64, {static_cast<int64_t>(end - begin)}));
  std::copy_n(data->shape().begin() + static_cast<ptrdiff_t>(begin), end - begin,
              output->mutable_data<int64_t>().begin());
  return {};
}

Status infer_size(InferContext& context) {
  context.set_tensor(0, ElementType::i64, Dims{});
  if (const Dims* dims = context.dims(0)) context.set_contents(0, {size_between(*dims, 0, dims->size())});
  return {};
}

Status run_size(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  LATHE_ASSIGN(Tensor * output, context.output(0, ElementType::i64, {}));
  output->mutable_data<int64_t>()[0] = data->count();
  return {};
}

/// Output 0 has these dims; known elements of input 0 go along while the rank allows it.
void set_view(InferContext& context, Dims dims) {
  const bool small = dims.size() <= 1;
  context.set_tensor(0, context.element(0), std::move(dims));
  const std::vector<Dim>* elements = small ? context.contents(0) : nullptr;
  if (elements != nullptr) context.set_contents(0, *elements);
}

/// Fills in 0 (the input's own size) and -1 (what is left) for sizes that may be symbolic.
Result<Dims> reshaped_dims(InferContext& context, Dims target) {
  const Dims* input = context.dims(0);
  const bool allow_zero = context.attributes().get_int("allowzero", 0) != 0;
  std::optional<size_t> rest;
  std::vector<bool> copied(target.size(), false);
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i].is(-1)) {
      if (rest) return node_error(context.node(), "has more than one -1 in shape " + to_string(target));
      rest = i;
    } else if (target[i].is(0) && !allow_zero) {
      if (input != nullptr && i >= input->size())
        return node_error(context.node(), "copies axis " + std::to_string(i) + ", which the input of shape " +
                                              to_string(*input) + " does not have");
      target[i] = input != nullptr ? (*input)[i] : context.unknown_dim();
      copied[i] = input != nullptr;
    } else if (target[i].known() && target[i].value() < 0) {
      return node_error(context.node(), "is to make the shape " + to_string(target));
    }
  }
  if (input == nullptr) {
    if (rest) target[*rest] = context.unknown_dim();
    return target;
  }
  // Copied axes cancel out, which keeps what is left simple.
  Dim have(1), want(1);
  for (size_t i = 0; i < input->size(); ++i)
    if (i >= copied.size() || !copied[i]) have = have * (*input)[i];
  for (size_t i = 0; i < target.size(); ++i)
    if (!copied[i] && rest != i) want = want * target[i];
  const auto mismatch = [&] {
    return node_error(context.node(), "cannot reshape " + to_string(*input) + " to " + to_string(target));
  };
  if (rest) {
    // With a size of 0 among the copied ones, -1 has no one answer; the kernel takes 0.
    if (want.is(0) || (have.is(0) && want.known()))
      target[*rest] = Dim(0);
    else if (have.known() && want.known() && have.value() % want.value() != 0)
      return mismatch();
    else
      target[*rest] = dim_floor_div(have, want);
  } else if (have.known() && want.known() && !(have == want)) {
    const auto zero = [](const Dims& dims) {
      return std::any_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is(0); });
    };
    if (!zero(*input) || !zero(target)) return mismatch();
  }
  return target;
}

Status infer_reshape(InferContext& context) {
  std::optional<Dims> target;
  if (context.version() < 5) {
    target = to_dims(context.attributes().get_ints("shape"));
  } else if (!context.has_input(1)) {
    return node_error(context.node(), "needs input shape");
  } else if (const std::vector<Dim>* contents = context.contents(1)) {
    target = *contents;
  }
  if (target) {
    LATHE_ASSIGN(Dims dims, reshaped_dims(context, std::move(*target)));
    set_view(context, std::move(dims));
    return {};
  }
  std::optional<Dims> dims;
  if (const auto rank = known_length(context, 1)) {
    dims.emplace();
    for (size_t i = 0; i < *rank; ++i) dims->push_back(context.data_dependent_dim("reshape"));
  }
  context.set_tensor(0, context.element(0), std::move(dims));
  return {};
}

Status run_reshape(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  Shape shape = context.attributes().get_ints("shape");
  if (context.version() >= 5) {
    LATHE_TRY(tensor_input(context, 1, "shape"));
    LATHE_ASSIGN(shape, int_input(context, 1, "shape"));
  }
  const bool allow_zero = context.attributes().get_int("allowzero", 0) != 0;
  const Shape asked = shape;
  const auto mismatch = [&] {
    return context.error("cannot reshape " + to_string(data->shape()) + " to " + to_string(asked));
  };
  std::optional<size_t> rest;
  int64_t others = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !allow_zero) {
      if (i >= data->rank()) return mismatch();
      shape[i] = data->dim(i);
    }
    if (shape[i] == -1) {
      if (rest) return mismatch();
      rest = i;
      continue;
    }
    const auto product = shape[i] < 0 ? std::nullopt : checked_mul(others, shape[i]);
    if (!product) return mismatch();
    others = *product;
  }
  if (rest) shape[*rest] = others == 0 ? 0 : data->count() / others;
  if (checked_element_count(shape) != data->count()) return mismatch();
  context.set_output(0, RuntimeValue(data->reshaped(std::move(shape))));
  return {};
}

/// Flatten's axis may be the rank itself.
Result<size_t> flatten_axis(const Node& node, size_t rank) {
  const int64_t axis = node.attributes.get_int("axis", 1), n = static_cast<int64_t>(rank);
  if (axis < -n || axis > n)
    return node_error(node,
                      "axis " + std::to_string(axis) + " is out of range for rank " + std::to_string(n));
  return static_cast<size_t>(axis < 0 ? axis + n : axis);
}

Status infer_flatten(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) {
    context.set_tensor(0, context.element(0), unknown_dims(context, 2));
    return {};
  }
  LATHE_ASSIGN(const size_t axis, flatten_axis(context.node(), dims->size()));
  context.set_tensor(0, context.element(0),
                     Dims{size_between(*dims, 0, axis), size_between(*dims, axis, dims->size())});
  return {};
}

Status run_flatten(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const size_t axis, flatten_axis(context.node(), data->rank()));
  context.set_output(0, RuntimeValue(data->reshaped({size_between(data->shape(), 0, axis),
                                                     size_between(data->shape(), axis, data->rank())})));
  return {};
}

template <class Size>
Result<std::vector<Size>> squeezed(const Node& node, const std::vector<Size>& sizes,
                                   std::span<const int64_t> axes) {
  LATHE_ASSIGN(const std::vector<size_t> resolved, resolve_axes(node, axes, sizes.size()));
  std::vector<bool> dropped(sizes.size(), false);
  for (const size_t axis : resolved) {
    if (const Dim& size = sizes[axis]; size.known() && !size.is(1))
      return node_error(node,
                        "cannot squeeze axis " + std::to_string(axis) + " of shape " + to_string(sizes));
    dropped[axis] = true;
  }
  std::vector<Size> out;
  for (size_t i = 0; i < sizes.size(); ++i)
    if (!dropped[i]) out.push_back(sizes[i]);
  return out;
}

template <class Size>
Result<std::vector<Size>> unsqueezed(const Node& node, const std::vector<Size>& sizes,
                                     std::span<const int64_t> axes) {
  LATHE_ASSIGN(const std::vector<size_t> resolved, resolve_axes(node, axes, sizes.size() + axes.size()));
  std::vector<Size> out = sizes;
  std::vector<size_t> ascending = resolved;
  std::sort(ascending.begin(), ascending.end());
  for (const size_t axis : ascending) out.insert(out.begin() + static_cast<ptrdiff_t>(axis), Size(1));
  return out;
}

/// Axes of size 1, which Squeeze drops when it names none.
std::vector<int64_t> unit_axes(const Shape& shape) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 1) axes.push_back(static_cast<int64_t>(i));
  return axes;
}

/// Axes from the attribute (before opset 13) or input 1; nullopt when the input's elements are not known.
std::optional<std::vector<int64_t>> inferred_axes(const InferContext& context) {
  if (context.has_input(1)) return context.known_ints(1);
  return context.attributes().get_ints("axes");
}

Status infer_squeeze(InferContext& context) {
  const Dims* dims = context.dims(0);
  auto axes = inferred_axes(context);
  const bool all = !context.has_input(1) && !context.attributes().has("axes");
  if (dims != nullptr && axes && all) {
    // Which axes go cannot be told while any is symbolic.
    if (!is_static(*dims)) return infer_unknown_shape(context);
    axes = unit_axes(to_shape(*dims));
  }
  if (dims == nullptr || !axes) {
    const auto count = known_length(context, 1);
    if (dims == nullptr || !count || *count > dims->size()) return infer_unknown_shape(context);
    context.set_tensor(0, context.element(0), unknown_dims(context, dims->size() - *count));
    return {};
  }
  LATHE_ASSIGN(Dims out, squeezed(context.node(), *dims, *axes));
  set_view(context, std::move(out));
  return {};
}

Status run_squeeze(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  std::vector<int64_t> axes = context.attributes().get_ints("axes");
  if (context.has_input(1)) {
    LATHE_ASSIGN(axes, int_input(context, 1, "axes"));
  } else if (!context.attributes().has("axes")) {
    axes = unit_axes(data->shape());
  }
  LATHE_ASSIGN(Shape shape, squeezed(context.node(), data->shape(), axes));
  context.set_output(0, RuntimeValue(data->reshaped(std::move(shape))));
  return {};
}

Status infer_unsqueeze(InferContext& context) {
  const Dims* dims = context.dims(0);
  const auto axes = inferred_axes(context);
  if (dims == nullptr) return infer_unknown_shape(context);
  if (!axes) {
    const auto count = known_length(context, 1);
    if (!count) return infer_unknown_shape(context);
    context.set_tensor(0, context.element(0), unknown_dims(context, dims->size() + *count));
    return {};
  }
  LATHE_ASSIGN(Dims out, unsqueezed(context.node(), *dims, *axes));
  set_view(context, std::move(out));
  return {};
}

Status run_unsqueeze(RunContext& context) {
  LATHE_ASSIGN(const Tensor* data, tensor_input(context, 0, "data"));
  std::vector<int64_t> axes = context.attributes().get_ints("axes");
  if (context.has_input(1)) {
    LATHE_ASSIGN(axes, int_input(context, 1, "axes"));
  }
  LATHE_ASSIGN(Shape shape, unsqueezed(context.node(), data->shape(), axes));
  context.set_output(0, RuntimeValue(data->reshaped(std::move(shape))));
  return {};
}

}  // namespace

void register_reshape(OperatorRegistry& registry) {
  registry.add({"",
                "Shape",
                {1, 13, 15, 19, 21, 23, 24, 25},
                1,
                1,
                1,
                1,
                trait_none,
                infer_shape,
                run_shape,
                no_flops});
  registry.add(
      {"", "Size", {1, 13, 19, 21, 23, 24, 25}, 1, 1, 1, 1, trait_none, infer_size, run_size, no_flops});
  registry.add({"",
                "Reshape",
                {1, 5, 13, 14, 19, 21, 23, 24, 25},
                1,
                2,
                1,
                1,
                trait_view,
                infer_reshape,
                run_reshape,
                no_flops});
  registry.add({"",
                "Flatten",
                {1, 9, 11, 13, 21, 23, 24, 25},
                1,
                1,
                1,
                1,
                trait_view,
                infer_flatten,
                run_flatten,
                no_flops});
  registry.add({"",
                "Squeeze",
                {1, 11, 13, 21, 23, 24, 25},
                1,
                2,
                1,
                1,
                trait_view,
                infer_squeeze,
                run_squeeze,
                no_flops});
  registry.add({"",
                "Unsqueeze",
                {1, 11, 13, 21, 23, 24, 25},
                1,
                2,
                1,
                1,
                trait_view,
                infer_unsqueeze,
                run_unsqueeze,
                no_flops});
}

}  // namespace lathe
