// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/convert_elements.h"
#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

/// Which scale an element has: one for all, one per position along an axis, or one per block of positions.
class ScaleMap {
 public:
  static Result<ScaleMap> make(const RunContext& context, const Shape& shape, const Tensor& scale);

  /// Calls body(offset of the first element, index of its scale, whether the scale index steps too,
  /// elements).
  template <class Body>
  void for_each_run(Body&& body) const {
    const int64_t blocks = (split_.size + block_ - 1) / block_;
    for (int64_t outer = 0; outer < split_.outer; ++outer) {
      const int64_t offset = outer * split_.size * split_.inner;
      if (kind_ == Kind::axis && split_.inner == 1) {
        body(offset, int64_t{0}, true, split_.size);
      } else if (kind_ == Kind::blocks && split_.inner == 1) {
        for (int64_t k = 0; k < blocks; ++k)
          body(offset + k * block_, outer * blocks + k, false, std::min(block_, split_.size - k * block_));
      } else {
        for (int64_t d = 0; d < split_.size; ++d)
          body(offset + d * split_.inner,
               kind_ == Kind::blocks ? (outer * blocks + d / block_) * split_.inner : d,
               kind_ == Kind::blocks, split_.inner);
      }
    }
  }

 private:
  enum class Kind { one, axis, blocks };
  Kind kind_ = Kind::one;
  AxisSplit split_;
  int64_t block_ = 1;
};

Result<ScaleMap> ScaleMap::make(const RunContext& context, const Shape& shape, const Tensor& scale) {
  ScaleMap map;
  const int64_t block = context.attributes().get_int("block_size", 0);
  if (block < 0) return context.error("has a negative block_size");
  if (scale.rank() == 0 || (block == 0 && scale.count() == 1)) {
    map.split_.inner = element_count(shape);
    return map;
  }
  LATHE_ASSIGN(const size_t axis,
               resolve_axis(context.node(), context.attributes().get_int("axis", 1), shape.size()));
  map.split_ = split_at(shape, axis);
  Shape wanted = {shape[axis]};
  map.kind_ = Kind::axis;
  if (block > 0) {
    map.kind_ = Kind::blocks;
    map.block_ = block;
    wanted = shape;
    wanted[axis] = shape[axis] / block + (shape[axis] % block != 0 ? 1 : 0);
  }
  if (scale.shape() != wanted)
    return context.error("has scales of shape " + to_string(scale.shape()) + ", but needs " +
                         to_string(wanted) + " for an input of shape " + to_string(shape));
  return map;
}

/// Elements of any number type as f32.
Result<std::vector<float>> as_floats(const Tensor& tensor) {
  LATHE_ASSIGN(Tensor floats, Tensor::allocate(ElementType::f32, tensor.shape()));
  LATHE_TRY(convert_elements(tensor, floats));
  const auto elements = floats.data<float>();
  return std::vector<float>(elements.begin(), elements.end());
}

/// The scale, and the zero point when it is there: input 2, of the scale's shape.
struct Parameters {
  const Tensor* scale;
  const Tensor* zero_point;
  std::vector<float> scales;
};
Result<Parameters> parameters(const RunContext& context) {
  LATHE_ASSIGN(const Tensor* scale, tensor_input(context, 1, "scale"));
  const ElementType type = scale->type();
  if (type != ElementType::f32 && type != ElementType::f16 && type != ElementType::bf16 &&
      type != ElementType::f8e8m0)
    return context.error(std::string("does not take scales of type ") + to_string(type));
  const Tensor* zero_point = optional_tensor(context, 2);
  if (zero_point != nullptr && zero_point->shape() != scale->shape() &&
      (zero_point->count() != 1 || scale->count() != 1))
    return context.error("has scales of shape " + to_string(scale->shape()) + " and zero points of shape " +
                         to_string(zero_point->shape()));
  LATHE_ASSIGN(std::vector<float> scales, as_floats(*scale));
  return Parameters{scale, zero_point, std::move(scales)};
}

/// The type attribute `output_dtype` names, or undefined.
Result<ElementType> output_type(const Node& node) {
  const int64_t number = node.attributes.get_int("output_dtype", 0);
  if (number == 0) return ElementType::undefined;
  const auto type =
      number > 0 && number < 256 ? element_type_from_onnx(static_cast<int>(number)) : std::nullopt;
  if (!type) return node_error(node, "has output_dtype " + std::to_string(number) + ", which is not known");
  return *type;
}

/// Type of what QuantizeLinear makes, from its attribute and its zero point's type (or undefined).
Result<ElementType> quantized_type(const Node& node, ElementType zero_point) {
  LATHE_ASSIGN(const ElementType named, output_type(node));
  if (zero_point == ElementType::undefined) return named == ElementType::undefined ? ElementType::u8 : named;
  if (named != ElementType::undefined && named != zero_point)
    return node_error(node, std::string("has zero points of type ") + to_string(zero_point) +
                                " but output_dtype " + to_string(named));
  return zero_point;
}

Status infer_quantize(InferContext& context) {
  LATHE_ASSIGN(
      const ElementType type,
      quantized_type(context.node(), context.has_input(2) ? context.element(2) : ElementType::undefined));
  set_same_shape(context, 0, type);
  return {};
}

/// Range and storage of the integers that are quantised to.
template <class T>
struct QuantizedInteger {
  static constexpr int32_t low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  static T of(int32_t value) { return static_cast<T>(value); }
};
template <class T, int32_t smallest, int32_t largest>
struct SmallInteger {
  static constexpr int32_t low = smallest, high = largest;
  static T of(int32_t value) { return T{static_cast<decltype(T::value)>(value)}; }
};
template <>
struct QuantizedInteger<U4> : SmallInteger<U4, 0, 15> {};
template <>
struct QuantizedInteger<I4> : SmallInteger<I4, -8, 7> {};
template <>
struct QuantizedInteger<U2> : SmallInteger<U2, 0, 3> {};
template <>
struct QuantizedInteger<I2> : SmallInteger<I2, -2, 1> {};

template <class Visitor>
bool visit_quantized_integer(ElementType type, Visitor&& visitor) {
  return visit_type<uint8_t, int8_t, uint16_t, int16_t, U4, I4, U2, I2>(type, visitor);
}

/// x / scale as the operator's precision has it.
struct Divide {
  ElementType precision;
  float operator()(float x, float scale) const {
    const float quotient = x / scale;
    if (precision == ElementType::f16) return F16(quotient);
    return precision == ElementType::bf16 ? static_cast<float>(BF16(quotient)) : quotient;
  }
};

/// to[i] = make(x[i], scale, zero point).
template <class From, class To, class Make>
void map_scaled(const ScaleMap& map, const From* x, const std::vector<float>& scales,
                const std::vector<float>& zeros, To* to, Make&& make) {
  map.for_each_run([&](int64_t offset, int64_t at, bool steps, int64_t count) {
    const float* scale = scales.data() + at;
    const float* zero = zeros.data() + at;
    const From* from = x + offset;
    To* out = to + offset;
    if (steps) {
      for (int64_t i = 0; i < count; ++i) out[i] = make(from[i], scale[i], zero[i]);
    } else if (count > 0) {
      const float one_scale = *scale, one_zero = *zero;
      for (int64_t i = 0; i < count; ++i) out[i] = make(from[i], one_scale, one_zero);
    }
  });
}

/// Division rounded once to a type narrower than f32.
Result<ElementType> division_precision(const RunContext& context, ElementType x, ElementType scale) {
  const int64_t number = context.attributes().get_int("precision", 0);
  const ElementType type =
      number == 0 ? (is_integer(x) ? ElementType::f32 : scale)
                  : element_type_from_onnx(static_cast<int>(number & 0xFF)).value_or(ElementType::undefined);
  switch (type) {
    case ElementType::f8e8m0:  // powers of two: x's own precision
      return x;
    case ElementType::f32:
    case ElementType::f16:
    case ElementType::bf16:
      return type;
    default:
      return context.error("cannot divide in precision " + std::to_string(number));
  }
}

Status run_quantize(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "x"));
  if (x->type() != ElementType::f32 && x->type() != ElementType::f16 && x->type() != ElementType::bf16 &&
      x->type() != ElementType::i32)
    return context.type_error(x->type());
  LATHE_ASSIGN(const Parameters with, parameters(context));
  LATHE_ASSIGN(const ElementType type,
               quantized_type(context.node(),
                              with.zero_point != nullptr ? with.zero_point->type() : ElementType::undefined));
  LATHE_ASSIGN(const ScaleMap map, ScaleMap::make(context, x->shape(), *with.scale));
  LATHE_ASSIGN(const ElementType precision, division_precision(context, x->type(), with.scale->type()));
  const Divide divide{precision};
  std::vector<float> zeros(with.scales.size(), 0.0F);
  if (with.zero_point != nullptr) {
    LATHE_ASSIGN(zeros, as_floats(*with.zero_point));
  }
  const Operand<float> from(*x);
  LATHE_ASSIGN(Tensor * y, context.output(0, type, x->shape()));
  const bool saturate = context.attributes().get_int("saturate", 1) != 0;
  const bool integer = visit_quantized_integer(type, [&](auto tag) {
    using T = decltype(tag);
    using Q = QuantizedInteger<T>;
    map_scaled(map, from.data(), with.scales, zeros, y->mutable_data<T>().data(),
               [=](float e, float scale, float zero) {
                 // Clamped before the zero point is added: exact, and NaN becomes the smallest.
                 const float low = static_cast<float>(Q::low) - zero,
                             high = static_cast<float>(Q::high) - zero;
                 const float rounded = std::nearbyint(divide(e, scale));
                 const float clamped = rounded > low ? std::min(rounded, high) : low;
                 return Q::of(static_cast<int32_t>(clamped + zero));
               });
  });
  if (integer) return {};
  const bool known = visit_low_precision(type, [&](auto tag) {
    using T = decltype(tag);
    map_scaled(map, from.data(), with.scales, zeros, y->mutable_data<T>().data(),
               [=](float e, float scale, float zero) {
                 return to_low_precision<T>(static_cast<double>(divide(e, scale)) + static_cast<double>(zero),
                                            saturate);
               });
  });
  if (!known) return context.error(std::string("cannot quantise to ") + to_string(type));
  return {};
}

Status infer_dequantize(InferContext& context) {
  LATHE_ASSIGN(const ElementType named, output_type(context.node()));
  set_same_shape(context, 0, named == ElementType::undefined ? context.element(1) : named);
  return {};
}

Status run_dequantize(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "x"));
  LATHE_ASSIGN(const Parameters with, parameters(context));
  if (with.zero_point != nullptr && with.zero_point->type() != x->type())
    return context.error(std::string("has zero points of type ") + to_string(with.zero_point->type()) +
                         " for elements of type " + to_string(x->type()));
  LATHE_ASSIGN(const ScaleMap map, ScaleMap::make(context, x->shape(), *with.scale));
  LATHE_ASSIGN(const ElementType named, output_type(context.node()));
  const ElementType type = named == ElementType::undefined ? with.scale->type() : named;
  std::vector<float> zeros(with.scales.size(), 0.0F);
  if (with.zero_point != nullptr) {
    LATHE_ASSIGN(zeros, as_floats(*with.zero_point));
  }
  if (!visit_type<float, F16, BF16>(type, [](auto) {}))
    return context.error(std::string("cannot make ") + to_string(type));
  LATHE_ASSIGN(OutputBuffer<float> y, OutputBuffer<float>::make(context, 0, type, x->shape()));
  bool known = visit_quantized_integer(x->type(), [&](auto tag) {
    using T = decltype(tag);
    map_scaled(map, x->data<T>().data(), with.scales, zeros, y.data(), [](T e, float scale, float zero) {
      if constexpr (std::is_integral_v<T>)
        return (static_cast<float>(e) - zero) * scale;
      else
        return (static_cast<float>(e.value) - zero) * scale;
    });
  });
  known =
      known || visit_type<int32_t>(x->type(), [&](int32_t) {
        map_scaled(map, x->data<int32_t>().data(), with.scales, zeros, y.data(),
                   [](int32_t e, float scale, float zero) {
                     return static_cast<float>(static_cast<double>(e) - static_cast<double>(zero)) * scale;
                   });
      });
  known = known || visit_low_precision(x->type(), [&](auto tag) {
            using T = decltype(tag);
            map_scaled(map, x->data<T>().data(), with.scales, zeros, y.data(),
                       [](T e, float scale, float zero) { return (to_f32(e) - zero) * scale; });
          });
  if (!known) return context.type_error(x->type());
  y.finish();
  return {};
}

Status infer_dynamic_quantize(InferContext& context) {
  set_same_shape(context, 0, ElementType::u8);
  context.set_tensor(1, ElementType::f32, Dims{});
  context.set_tensor(2, ElementType::u8, Dims{});
  return {};
}

Status run_dynamic_quantize(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "x"));
  if (x->type() != ElementType::f32) return context.type_error(x->type());
  const auto elements = x->data<float>();
  // The range holds 0, so that 0 is represented exactly.
  float low = 0, high = 0;
  for (const float element : elements) {
    low = std::min(low, element);
    high = std::max(high, element);
  }
  const float range = (high - low) / 255.0F;
  const float scale = range == 0 ? 1.0F : range;
  const auto quantize = [scale](float element, float zero) {
    const float shifted = std::nearbyint(element / scale) + zero;
    return static_cast<uint8_t>(shifted > 0 ? std::min(shifted, 255.0F) : 0.0F);
  };
  const uint8_t zero_point = quantize(-low, 0);
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::u8, x->shape()));
  std::transform(elements.begin(), elements.end(), y->mutable_data<uint8_t>().begin(),
                 [&](float element) { return quantize(element, zero_point); });
  if (context.has_output(1)) {
    LATHE_ASSIGN(Tensor * to, context.output(1, ElementType::f32, {}));
    to->mutable_data<float>()[0] = scale;
  }
  if (context.has_output(2)) {
    LATHE_ASSIGN(Tensor * to, context.output(2, ElementType::u8, {}));
    to->mutable_data<uint8_t>()[0] = zero_point;
  }
  return {};
}

}  // namespace

void register_quantize_linear(OperatorRegistry& registry) {
  const auto add = [&](std::string_view domain, const std::vector<int>& versions) {
    registry.add({domain, "QuantizeLinear", versions, 2, 3, 1, 1, trait_none, infer_quantize, run_quantize});
    registry.add(
        {domain, "DequantizeLinear", versions, 2, 3, 1, 1, trait_none, infer_dequantize, run_dequantize});
  };
  add("", {10, 13, 19, 21, 23, 24, 25, 28});
  add("com.microsoft", {1});
  registry.add({"",
                "DynamicQuantizeLinear",
                {11},
                1,
                1,
                3,
                3,
                trait_none,
                infer_dynamic_quantize,
                run_dynamic_quantize});
}

}  // namespace lathe
