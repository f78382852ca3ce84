// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/onednn/quantized.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/narrow.h"

namespace lathe::onednn {
namespace {

using dnnl::memory;

/// f(c x) = c f(x): can be applied in units of the output, which saves a multiplication.
bool scales_through(ActivationKind kind) {
  return kind == ActivationKind::none || kind == ActivationKind::relu || kind == ActivationKind::leaky_relu ||
         kind == ActivationKind::clip;
}

/// The range that the activation leaves, when cutting to it is all it does.
std::optional<QuantizedRange> cut_of(const Activation& activation) {
  if (activation.kind == ActivationKind::relu) return QuantizedRange{0.0F, 3.402823466e+38F};
  if (activation.kind == ActivationKind::clip) return QuantizedRange{activation.alpha, activation.beta};
  return std::nullopt;
}

/// Quantises and dequantises: from steps of `between` to units, each of which is `unit` in real numbers.
void append_rounding(dnnl::post_ops& ops, const QuantizedOperation& operation, float unit) {
  const QuantizedRange range = range_of(operation.between_type, operation.between);
  const float step = operation.between.scale;
  ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, range.low / step, range.high / step);
  ops.append_eltwise(step / unit, dnnl::algorithm::eltwise_round, 0, 0);
}

/// Saturation to the output's type cuts at least as much.
bool saturation_cuts(const QuantizedRange& cut, const QuantizedOperation& operation) {
  if (!is_8bit(operation.output_type)) return false;
  const QuantizedRange stored = range_of(operation.output_type, operation.output);
  return cut.low <= stored.low && cut.high >= stored.high;
}

/// Biases are stored as integers as a rule: what the scale's rounding makes of one becomes it again.
float in_steps(float real, float step) {
  constexpr float roundings = 4.0F / (1 << 24);
  const float steps = real / step, whole = std::nearbyint(steps);
  return std::fabs(steps - whole) <= roundings * std::fabs(whole) ? whole : steps;
}

}  // namespace

bool present(const KernelRequest& request, size_t input) {
  return input < request.inputs.size() && request.inputs[input].present();
}

std::optional<Decline> unfit_quantized(const KernelRequest& request, const QuantizedOperation& operation) {
  const TensorDesc& x = request.inputs[0];
  if (!is_8bit(x.type) || request.inputs[1].type != ElementType::i8)
    return decline(DeclineReason::element_type, to_string(x.type));
  if (!multiplies_8bit()) return decline(DeclineReason::instruction_set, instruction_set());
  if (request.constants[1] == nullptr) return decline(DeclineReason::not_constant, "weights");
  if (element_count(request.outputs[0].shape) == 0 || element_count(x.shape) == 0)
    return decline(DeclineReason::shape, "no elements");
  if (present(request, quantized_bias_input) &&
      (request.constants[quantized_bias_input] == nullptr ||
       request.inputs[quantized_bias_input].type != ElementType::f32))
    return decline(DeclineReason::not_constant, "bias");
  if (!present(request, quantized_residual_input)) return std::nullopt;
  const TensorDesc& residual = request.inputs[quantized_residual_input];
  if (residual.shape != request.outputs[0].shape)
    return decline(DeclineReason::shape, "the residual broadcasts");
  if (element_size(residual.type) != element_size(operation.output_type))
    return decline(DeclineReason::element_type, "a residual wider or narrower than the output");
  return std::nullopt;
}

std::optional<dnnl::primitive_attr> quantized_attributes(const QuantizedOperation& operation,
                                                         const KernelRequest& request, int channel_mask) {
  dnnl::primitive_attr attributes = scratch_attributes();
  const bool narrow = is_8bit(operation.output_type), between = is_8bit(operation.between_type);
  const bool early = scales_through(operation.activation.kind);
  // What everything before the activation counts in: steps of the output, or real numbers. Scales are divided
  // by it, not multiplied by its inverse: that would round once more.
  const float unit = early && narrow ? operation.output.scale : 1.0F;

  // In the order that QLinearConv and QLinearMatMul are defined with, so that ties fall the same way.
  const float divisor = between ? operation.between.scale : unit;
  std::vector<float> scales = operation.weight_scales;
  for (float& scale : scales) scale = operation.input.scale * scale / divisor;
  attributes.set_output_scales(scales.size() == 1 ? 0 : channel_mask, scales);
  if (operation.input.zero_point != 0)
    attributes.set_zero_points(DNNL_ARG_SRC, 0, {operation.input.zero_point});
  if (narrow && operation.output.zero_point != 0)
    attributes.set_zero_points(DNNL_ARG_DST, 0, {operation.output.zero_point});

  dnnl::post_ops ops;
  if (between) append_rounding(ops, operation, unit);
  if (present(request, quantized_residual_input)) {
    const ElementType type = request.inputs[quantized_residual_input].type;
    if (is_8bit(type))
      ops.append_sum(operation.residual.scale / unit, operation.residual.zero_point, *data_type(type));
    else
      ops.append_sum(1.0F / unit);
  }
  const auto cut = cut_of(operation.activation);
  if (!cut || !saturation_cuts(*cut, operation)) {
    Activation activation = operation.activation;
    if (activation.kind == ActivationKind::clip) {
      activation.alpha /= unit;
      activation.beta /= unit;
    }
    if (!append_activation(ops, activation, early || !narrow ? 1.0F : 1.0F / operation.output.scale))
      return std::nullopt;
  }
  // The zero point is added to whole steps: added before, it would move what is near the middle of two.
  // (Two roundings with scales of their own are more than oneDNN 2.6 can tell apart.)
  if (narrow && !between && operation.output.zero_point != 0)
    ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_round, 0, 0);
  attributes.set_post_ops(ops);
  return attributes;
}

PackedConstant scaled_bias(const Tensor& bias, const QuantizedOperation& operation,
                           const memory::desc& desc) {
  const auto values = bias.data<float>();
  PackedConstant made = allocate_packed(desc);
  auto* to = static_cast<float*>(made.memory.get_data_handle());
  for (size_t i = 0; i < values.size(); ++i)
    to[i] = in_steps(values[i], operation.input.scale * operation.weight_scale(i));
  return made;
}

std::vector<int32_t> centred(const Tensor& stored, const Tensor* zero_points, size_t axis) {
  const std::vector<int64_t> zeros =
      zero_points != nullptr ? zero_points->to_int64() : std::vector<int64_t>{0};
  const std::vector<int64_t> elements = stored.to_int64();
  const auto inner = static_cast<size_t>(element_count(std::span(stored.shape()).subspan(axis + 1)));
  std::vector<int32_t> made(elements.size());
  for (size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<int32_t>(elements[i] - zeros[i / inner % zeros.size()]);
  return made;
}

}  // namespace lathe::onednn
