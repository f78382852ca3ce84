// SPDX-License-Identifier: Apache-2.0
// What lathe.QuantizedConv and lathe.QuantizedMatMul say about their 8-bit tensors, and how a real result
// becomes their output: act(between(product + bias) + residual), requantised.
//
// real = scale * (stored - zero_point), as ONNX's DequantizeLinear has it. Weights are symmetric (zero point
// 0).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/ops/activation.h"
#include "engine/ops/operator.h"

namespace lathe {

/// Of one tensor with one scale.
struct Quantization {
  float scale = 1;
  int32_t zero_point = 0;
  friend bool operator==(const Quantization&, const Quantization&) = default;
};

struct QuantizedOperation {
  Quantization input;                ///< of input 0
  std::vector<float> weight_scales;  ///< one, or one per output channel (column)
  Quantization output;               ///< when output_type is 8 bit
  ElementType output_type = ElementType::f32;
  Quantization residual;  ///< of input 3 when that is 8 bit
  /// The product with its bias is quantised like this and dequantised again before the residual is added:
  /// what remains of two nodes of the model. Undefined type: it is not.
  ElementType between_type = ElementType::undefined;
  Quantization between;
  /// A QuantizeLinear reads the f32 output, perhaps behind an activation: values near the middle of two of
  /// its steps matter more than others. Undefined type: none does.
  ElementType reader_type = ElementType::undefined;
  Quantization reader;
  /// The model says integers (QLinearConv): sums are exact and ties fall by their own rounding. Otherwise it
  /// says f32 (between DequantizeLinear and QuantizeLinear), and so do ties.
  bool integer_sums = false;
  Activation activation;

  /// Scale of output channel i's weights.
  float weight_scale(size_t i) const { return weight_scales[weight_scales.size() == 1 ? 0 : i]; }
};

/// From the attributes x_scale, x_zero_point, w_scales, y_type ("f32", "u8", "i8"), y_scale, y_zero_point,
/// residual_scale, residual_zero_point, between_type, between_scale, between_zero_point, reader_type,
/// reader_scale, reader_zero_point, integer_sums (0 or 1) and those of the activation.
Result<QuantizedOperation> parse_quantized_operation(const Node& node);
/// Writes two attributes: `side` is "x", "y", "residual", "between" or "reader".
void set_quantization(Attributes& attributes, std::string_view side, const Quantization& quantization);

bool is_8bit(ElementType type);
/// The smallest and largest real number that the type can store.
struct QuantizedRange {
  float low, high;
};
QuantizedRange range_of(ElementType type, const Quantization& quantization);

/// Real numbers of an 8-bit tensor (or of f32 as they are).
Result<std::vector<double>> dequantize(const RunContext& context, const Tensor& tensor,
                                       const Quantization& quantization);
/// Adds bias (input 2) and residual (input 3), activates and stores output 0.
/// `product` holds the real product [outer, channels, inner].
Status finish_quantized(RunContext& context, const QuantizedOperation& operation, std::vector<double> product,
                        const Shape& shape, int64_t channels, int64_t inner);

}  // namespace lathe
