// SPDX-License-Identifier: Apache-2.0
// Questions about QuantizeLinear and DequantizeLinear nodes that the passes over quantised graphs share.
#pragma once

#include "engine/ops/fused_quantization.h"
#include "engine/passes/match.h"

namespace lathe {

/// What a value stands for that DequantizeLinear makes of an 8-bit one with one constant scale.
struct DequantizedValue {
  ValueId stored;
  ElementType type;
  Quantization quantization;
  NodeId node;
};
std::optional<DequantizedValue> dequantized(const PassContext& context, ValueId value);

/// The type and parameters a QuantizeLinear with one constant scale quantises to 8 bit with.
struct QuantizationTarget {
  ElementType type;
  Quantization quantization;
};
std::optional<QuantizationTarget> quantization_target(const PassContext& context, const Node& node);

/// Constant 8-bit weights with a scale for each position along one axis (or one for all), zero point 0.
struct QuantizedWeights {
  ValueId stored;  ///< i8; added to the graph where the file's own had zero points
  std::vector<float> scales;
};
/// Of a value that DequantizeLinear makes of a constant; `axis` is the only axis scales may vary along.
std::optional<QuantizedWeights> quantized_weights(PassContext& context, ValueId value, size_t axis);

}  // namespace lathe
