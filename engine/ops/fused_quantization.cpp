// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/fused_quantization.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/operand.h"

namespace lathe {
namespace {

Quantization read(const Attributes& attributes, const std::string& side) {
  return {attributes.get_float(side + "_scale", 1.0F),
          static_cast<int32_t>(attributes.get_int(side + "_zero_point", 0))};
}

int32_t smallest(ElementType type) {
  return type == ElementType::u8 ? 0 : -128;
}
int32_t largest(ElementType type) {
  return type == ElementType::u8 ? 255 : 127;
}

double stored_value(double real, ElementType type, const Quantization& by) {
  return std::clamp<double>(std::nearbyint(real / by.scale) + by.zero_point, smallest(type), largest(type));
}

template <class T>
void quantize(std::span<const double> values, const Quantization& by, ElementType type, std::span<T> stored) {
  for (size_t i = 0; i < values.size(); ++i) stored[i] = static_cast<T>(stored_value(values[i], type, by));
}

Result<ElementType> read_type(const Node& node, const char* attribute, ElementType otherwise) {
  const std::string type = node.attributes.get_string(attribute, to_string(otherwise));
  for (const ElementType known : {ElementType::u8, ElementType::i8, otherwise})
    if (type == to_string(known)) return known;
  return node_error(node, std::string("has ") + attribute + " '" + type + "', which is not 8 bit");
}

}  // namespace

bool is_8bit(ElementType type) {
  return type == ElementType::u8 || type == ElementType::i8;
}

QuantizedRange range_of(ElementType type, const Quantization& quantization) {
  const auto real = [&](int32_t stored) {
    return quantization.scale * static_cast<float>(stored - quantization.zero_point);
  };
  return {real(smallest(type)), real(largest(type))};
}

Result<QuantizedOperation> parse_quantized_operation(const Node& node) {
  const Attributes& attributes = node.attributes;
  QuantizedOperation operation;
  operation.input = read(attributes, "x");
  operation.output = read(attributes, "y");
  operation.residual = read(attributes, "residual");
  operation.weight_scales = attributes.get_floats("w_scales");
  operation.between = read(attributes, "between");
  if (operation.weight_scales.empty()) return node_error(node, "has no w_scales");
  LATHE_ASSIGN(operation.output_type, read_type(node, "y_type", ElementType::f32));
  LATHE_ASSIGN(operation.between_type, read_type(node, "between_type", ElementType::undefined));
  operation.reader = read(attributes, "reader");
  operation.integer_sums = attributes.get_int("integer_sums", 0) != 0;
  LATHE_ASSIGN(operation.reader_type, read_type(node, "reader_type", ElementType::undefined));
  LATHE_ASSIGN(operation.activation, parse_activation(node));
  return operation;
}

void set_quantization(Attributes& attributes, std::string_view side, const Quantization& quantization) {
  attributes.set(std::string(side) + "_scale", quantization.scale);
  attributes.set(std::string(side) + "_zero_point", static_cast<int64_t>(quantization.zero_point));
}

Result<std::vector<double>> dequantize(const RunContext& context, const Tensor& tensor,
                                       const Quantization& quantization) {
  const bool real = tensor.type() == ElementType::f32;
  if (!real && !is_8bit(tensor.type())) return context.type_error(tensor.type());
  const Operand<double> elements(tensor);
  std::vector<double> values(elements.data(), elements.data() + tensor.count());
  if (!real)
    for (double& value : values) value = quantization.scale * (value - quantization.zero_point);
  return values;
}

Status finish_quantized(RunContext& context, const QuantizedOperation& operation, std::vector<double> product,
                        const Shape& shape, int64_t channels, int64_t inner) {
  if (context.has_input(2)) {
    const Operand<double> bias(context.tensor(2));
    if (context.tensor(2).count() != channels)
      return context.error("has a bias of shape " + to_string(context.tensor(2).shape()));
    for (size_t i = 0; i < product.size(); ++i)
      product[i] += bias[(static_cast<int64_t>(i) / inner) % channels];
  }
  if (operation.between_type != ElementType::undefined)
    for (double& value : product)
      value = operation.between.scale *
              (stored_value(value, operation.between_type, operation.between) - operation.between.zero_point);
  if (context.has_input(3)) {
    if (context.tensor(3).shape() != shape)
      return context.error("has a residual of shape " + to_string(context.tensor(3).shape()) +
                           " for an output of shape " + to_string(shape));
    LATHE_ASSIGN(const auto residual, dequantize(context, context.tensor(3), operation.residual));
    for (size_t i = 0; i < product.size(); ++i) product[i] += residual[i];
  }
  activate(operation.activation, std::span(product));
  LATHE_ASSIGN(Tensor * y, context.output(0, operation.output_type, shape));
  switch (operation.output_type) {
    case ElementType::u8:
      quantize(product, operation.output, ElementType::u8, y->mutable_data<uint8_t>());
      break;
    case ElementType::i8:
      quantize(product, operation.output, ElementType::i8, y->mutable_data<int8_t>());
      break;
    default:
      store_elements(product.data(), *y);
  }
  return {};
}

}  // namespace lathe
