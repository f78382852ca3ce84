// SPDX-License-Identifier: Apache-2.0
// Constant in all its forms, ConstantOfShape, Range, EyeLike and OneHot: tensors made from a few numbers.
#include <algorithm>
#include <cmath>

#include "engine/base/checked.h"
#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

constexpr int64_t max_propagated = 1024;

/// The tensor a Constant node holds; undefined when no form is there.
Tensor constant_value(const Attributes& attributes) {
  if (const auto* value = attributes.get<Tensor>("value")) return *value;
  if (const auto* value = attributes.get<Tensor>("sparse_value")) return *value;
  if (const auto* value = attributes.get<int64_t>("value_int")) return Tensor::scalar(*value);
  if (const auto* value = attributes.get<float>("value_float")) return Tensor::scalar(*value);
  if (const auto* value = attributes.get<std::string>("value_string"))
    return Tensor::of_strings({}, {*value});
  if (const auto* value = attributes.get<std::vector<int64_t>>("value_ints"))
    return Tensor::from<int64_t>({static_cast<int64_t>(value->size())}, std::span(*value));
  if (const auto* value = attributes.get<std::vector<float>>("value_floats"))
    return Tensor::from<float>({static_cast<int64_t>(value->size())}, std::span(*value));
  if (const auto* value = attributes.get<std::vector<std::string>>("value_strings"))
    return Tensor::of_strings({static_cast<int64_t>(value->size())}, *value);
  // An empty list reaches us without a type of its own.
  for (const char* name : {"value_ints", "value_floats", "value_strings"})
    if (attributes.has(name))
      return Tensor::wrap(name[6] == 'i' ? ElementType::i64 : ElementType::f32, {0}, {});
  return {};
}

Status infer_constant(InferContext& context) {
  const Tensor value = constant_value(context.attributes());
  if (!value.defined()) return node_error(context.node(), "has no value");
  context.set_tensor(0, value.type(), to_dims(value.shape()));
  if (value.rank() > 1 || value.count() > max_propagated) return {};
  if (!is_integer(value.type()) && value.type() != ElementType::boolean) return {};
  std::vector<Dim> elements;
  for (const int64_t element : value.to_int64()) elements.emplace_back(element);
  context.set_contents(0, std::move(elements));
  return {};
}

Status run_constant(RunContext& context) {
  Tensor value = constant_value(context.attributes());
  if (!value.defined()) return context.error("has no value");
  context.set_output(0, RuntimeValue(std::move(value)));
  return {};
}

Tensor fill_value(const Attributes& attributes) {
  const Tensor* value = attributes.get<Tensor>("value");
  return value != nullptr ? *value : Tensor::scalar(0.0f);
}

Status infer_constant_of_shape(InferContext& context) {
  const Tensor value = fill_value(context.attributes());
  if (value.count() != 1)
    return node_error(context.node(), "has a value of shape " + to_string(value.shape()));
  const std::vector<Dim>* shape = context.contents(0);
  if (shape == nullptr) {
    std::optional<Dims> dims;
    if (const auto rank = known_length(context, 0)) {
      dims.emplace();
      for (size_t i = 0; i < *rank; ++i) dims->push_back(context.data_dependent_dim("shape"));
    }
    context.set_tensor(0, value.type(), std::move(dims));
    return {};
  }
  const Dims dims = *shape;
  for (const Dim& dim : dims)
    if (dim.known() && dim.value() < 0)
      return node_error(context.node(), "is to make the shape " + to_string(dims));
  context.set_tensor(0, value.type(), dims);
  if (dims.size() > 1 || !is_static(dims) || !is_integer(value.type())) return {};
  const int64_t count = dims.empty() ? 1 : dims[0].value();
  if (count <= max_propagated)
    context.set_contents(0, std::vector<Dim>(static_cast<size_t>(count), Dim(value.to_int64()[0])));
  return {};
}

Status run_constant_of_shape(RunContext& context) {
  const Tensor value = fill_value(context.attributes());
  if (value.count() != 1) return context.error("has a value of shape " + to_string(value.shape()));
  LATHE_TRY(tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const Shape shape, int_input(context, 0, "input"));
  if (!checked_element_count(shape)) return context.error("is to make the shape " + to_string(shape));
  LATHE_ASSIGN(Tensor * output, context.output(0, value.type(), shape));
  fill(value, 0, *output);
  return {};
}

Status infer_range(InferContext& context) {
  const Dim* start = scalar_contents(context, 0);
  const Dim* limit = scalar_contents(context, 1);
  const Dim* delta = scalar_contents(context, 2);
  if (start == nullptr || limit == nullptr || delta == nullptr) {
    const ElementType type = context.element(0);
    Dim count = context.data_dependent_dim("range");
    if (is_float(type) && context.constant(0) && context.constant(1) && context.constant(2)) {
      const auto first = context.constant(0)->to_double(), last = context.constant(1)->to_double(),
                 step = context.constant(2)->to_double();
      if (first.size() == 1 && last.size() == 1 && step.size() == 1 && step[0] != 0) {
        const double exact = type == ElementType::f64
                                 ? (last[0] - first[0]) / step[0]
                                 : static_cast<float>(last[0] - first[0]) / static_cast<float>(step[0]);
        if (exact < 1e15) count = Dim(std::max<int64_t>(0, static_cast<int64_t>(std::ceil(exact))));
      }
    }
    context.set_tensor(0, type, Dims{count});
    return {};
  }
  if (delta->is(0)) return node_error(context.node(), "has a delta of 0");
  Dim count = delta->is(-1) ? *start - *limit : dim_ceil_div(*limit - *start, *delta);
  if (count.known()) count = Dim(std::max<int64_t>(0, count.value()));
  context.set_tensor(0, context.element(0), Dims{count});
  if (!count.known() || count.value() > max_propagated) return {};
  std::vector<Dim> elements;
  for (int64_t i = 0; i < count.value(); ++i) elements.push_back(*start + Dim(i) * *delta);
  context.set_contents(0, std::move(elements));
  return {};
}

/// ceil((limit - start) / delta), at least 0; nullopt where that is no number of elements.
template <class T>
std::optional<int64_t> range_count(T start, T limit, T delta) {
  if constexpr (std::is_integral_v<T>) {
    int64_t distance = 0;
    if (__builtin_sub_overflow(int64_t{limit}, int64_t{start}, &distance)) return std::nullopt;
    if (delta == -1) return distance >= 0 ? 0 : checked_mul(distance, -1);
    return std::max<int64_t>(0, ceil_div(distance, delta));
  } else {
    const double count = std::ceil(static_cast<double>((limit - start) / delta));
    if (!(count < 9e15)) return std::nullopt;
    return std::max<int64_t>(0, static_cast<int64_t>(count));
  }
}

template <class T, class A>
Status run_range_as(RunContext& context, A start, A limit, A delta) {
  if (delta == A{0}) return context.error("has a delta of 0");
  const auto count = range_count<A>(start, limit, delta);
  if (!count) return context.error("has bounds that are not numbers or too far apart");
  LATHE_ASSIGN(Tensor * output, context.output(0, context.tensor(0).type(), {*count}));
  int64_t i = 0;
  for (T& element : output->mutable_data<T>()) {
    if constexpr (std::is_integral_v<A>)
      element = static_cast<T>(start + static_cast<A>(i) * delta);
    else
      element =
          static_cast<T>(static_cast<double>(start) + static_cast<double>(i) * static_cast<double>(delta));
    ++i;
  }
  return {};
}

Status run_range(RunContext& context) {
  for (const size_t i : {0, 1, 2}) {
    LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, i,
                                                    i == 0   ? "start"
                                                    : i == 1 ? "limit"
                                                             : "delta"));
    if (tensor->count() != 1 || tensor->type() != context.tensor(0).type())
      return context.error("needs three numbers of one type");
  }
  const auto value = [&](size_t i) { return context.tensor(i).to_double()[0]; };
  const auto integer = [&](size_t i) { return context.tensor(i).to_int64()[0]; };
  Status status = context.type_error(context.tensor(0).type());
  visit_type<float, F16, BF16, double, int16_t, int32_t, int64_t>(context.tensor(0).type(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>)
      status = run_range_as<T, int64_t>(context, integer(0), integer(1), integer(2));
    else if constexpr (std::is_same_v<T, double>)
      status = run_range_as<T, double>(context, value(0), value(1), value(2));
    else
      status = run_range_as<T, float>(context, static_cast<float>(value(0)), static_cast<float>(value(1)),
                                      static_cast<float>(value(2)));
  });
  return status;
}

/// The type named by attribute dtype, else `fallback`.
Result<ElementType> dtype_or(const Node& node, ElementType fallback) {
  if (!node.attributes.has("dtype")) return fallback;
  const int64_t number = node.attributes.get_int("dtype", 0);
  const auto type =
      number < 0 || number > 100 ? std::nullopt : element_type_from_onnx(static_cast<int>(number));
  if (!type || *type == ElementType::undefined)
    return node_error(node, "has dtype " + std::to_string(number) + ", which is not known");
  return *type;
}

Status infer_eye_like(InferContext& context) {
  LATHE_ASSIGN(const ElementType type, dtype_or(context.node(), context.element(0)));
  const Dims* dims = context.dims(0);
  if (dims != nullptr && dims->size() != 2)
    return node_error(context.node(), "needs a matrix, not " + to_string(*dims));
  context.set_tensor(0, type, dims != nullptr ? *dims : unknown_dims(context, 2));
  return {};
}

Status run_eye_like(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 2, "input"));
  const Shape shape = context.tensor(0).shape();
  LATHE_ASSIGN(const ElementType type, dtype_or(context.node(), context.tensor(0).type()));
  LATHE_ASSIGN(Tensor * output, context.output(0, type, shape));
  fill_zero(*output);
  const int64_t k = context.attributes().get_int("k", 0);
  bool known = visit_numeric(type, [&](auto tag) {
    using T = decltype(tag);
    const auto elements = output->mutable_data<T>();
    for (int64_t row = 0; row < shape[0]; ++row)
      if (k >= -row && k < shape[1] - row) elements[static_cast<size_t>(row * shape[1] + row + k)] = T(1);
  });
  if (!known && type == ElementType::boolean) {
    known = true;
    for (int64_t row = 0; row < shape[0]; ++row)
      if (k >= -row && k < shape[1] - row)
        output->mutable_data<bool>()[static_cast<size_t>(row * shape[1] + row + k)] = true;
  }
  return known ? Status() : Status(context.type_error(type));
}

Status infer_one_hot(InferContext& context) {
  const Dims* indices = context.dims(0);
  if (indices == nullptr) return infer_unknown_shape(context, 2);
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", -1), indices->size() + 1));
  Dim depth;
  if (const Dim* known = scalar_contents(context, 1)) {
    depth = *known;
  } else if (const Tensor* constant = context.constant(1); constant != nullptr && constant->count() == 1) {
    const auto numbers = constant->to_int64();
    depth = numbers.empty() ? context.unknown_dim() : Dim(numbers[0]);
  } else {
    depth = context.data_dependent_dim("depth");
  }
  Dims dims = *indices;
  dims.insert(dims.begin() + static_cast<ptrdiff_t>(axis), depth);
  context.set_tensor(0, context.element(2), std::move(dims));
  return {};
}

Status run_one_hot(RunContext& context) {
  LATHE_ASSIGN(const Tensor* indices, tensor_input(context, 0, "indices"));
  LATHE_ASSIGN(const Tensor* depth_tensor, tensor_input(context, 1, "depth"));
  LATHE_ASSIGN(const Tensor* values, tensor_input(context, 2, "values"));
  const auto depths = depth_tensor->to_int64();
  if (depths.size() != 1 || depths[0] < 0) return context.error("needs one depth that is not negative");
  if (values->count() != 2) return context.error("needs two values, not " + std::to_string(values->count()));
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", -1), indices->rank() + 1));
  const int64_t depth = depths[0];
  Shape shape = indices->shape();
  shape.insert(shape.begin() + static_cast<ptrdiff_t>(axis), depth);
  LATHE_ASSIGN(Tensor * output, context.output(0, values->type(), shape));
  fill(*values, 0, *output);
  const int64_t inner = size_between(indices->shape(), axis, indices->rank());
  const Indices at(*indices);
  if (at.count() != indices->count()) return context.type_error(indices->type());
  visit_storage(values->type(), [&](auto tag) {
    using T = decltype(tag);
    T* elements = mutable_stored<T>(*output);
    for (int64_t i = 0; i < at.count(); ++i) {
      const int64_t index = wrap_index(at[i], depth);
      if (index >= 0) elements[(i / inner * depth + index) * inner + i % inner] = stored<T>(*values)[1];
    }
  });
  return {};
}

}  // namespace

void register_constant(OperatorRegistry& registry) {
  registry.add({"",
                "Constant",
                {1, 9, 11, 12, 13, 19, 21, 23, 24, 25},
                0,
                0,
                1,
                1,
                trait_none,
                infer_constant,
                run_constant,
                no_flops});
  registry.add({"",
                "ConstantOfShape",
                {9, 20, 21, 23, 24, 25},
                1,
                1,
                1,
                1,
                trait_none,
                infer_constant_of_shape,
                run_constant_of_shape,
                no_flops});
  registry.add({"", "Range", {11, 27}, 3, 3, 1, 1, trait_none, infer_range, run_range});
  registry.add({"", "EyeLike", {9, 22}, 1, 1, 1, 1, trait_none, infer_eye_like, run_eye_like, no_flops});
  registry.add({"", "OneHot", {9, 11, 28}, 3, 3, 1, 1, trait_none, infer_one_hot, run_one_hot, no_flops});
}

}  // namespace lathe
