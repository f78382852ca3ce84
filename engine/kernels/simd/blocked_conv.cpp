// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/blocked_conv.h"

#include <utility>

#include "engine/kernels/blocked_layout.h"
#include "engine/kernels/simd/activations.h"
#include "engine/kernels/unfit.h"

namespace lathe::simd {

BlockedConvKernel::BlockedConvKernel(std::string name, const KernelRequest& request) {
  name_ = std::move(name);
  const auto present = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  input_layouts_.assign(request.inputs.size(), {});
  input_layouts_[0] = blocked_channels_layout(ElementType::f32, request.inputs[0].shape);
  output_layouts_.assign(1, blocked_channels_layout(ElementType::f32, request.outputs[0].shape));
  consumed_.assign(request.inputs.size(), false);
  for (const size_t i : {size_t{1}, size_t{2}})
    if (present(i)) consumed_[i] = true;
  if (!present(residual_input)) return;
  input_layouts_[residual_input] = output_layouts_[0];
  in_place_input_ = residual_input;
}

std::variant<BlockedConv, Decline> read_blocked_conv(const KernelRequest& request, int64_t block) {
  const auto present = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  if (!request.prepack || request.plain_layouts || !request.blocked_channels)
    return Decline{DeclineReason::layout, "images that are not in blocks of channels"};
  for (const TensorDesc* image : {&request.inputs[0], &request.outputs[0]})
    if (auto reason = unfit_tensor(*image, {ElementType::f32}, 4, 4)) return *reason;
  for (const size_t i : {size_t{1}, size_t{2}})
    if (present(i) && (request.constants[i] == nullptr || request.inputs[i].type != ElementType::f32))
      return Decline{DeclineReason::not_constant, "weights or bias"};
  if (present(residual_input) && request.inputs[residual_input].shape != request.outputs[0].shape)
    return Decline{DeclineReason::shape, "the residual broadcasts"};
  auto conv = resolve_conv(*request.node, request.inputs[0].shape, request.inputs[1].shape);
  const auto activation = parse_activation(*request.node);
  if (!conv.ok() || !activation.ok() || !is_fused_activation(activation->kind) || conv->groups != 1)
    return Decline{DeclineReason::attribute, "geometry or activation"};
  if (activate(*activation, 0.0F) != 0 && conv->out_channels % block != 0)
    return Decline{DeclineReason::shape, "channels beyond the last would not be 0"};
  const std::byte* bias = present(2) ? request.constants[2]->buffer().data() : nullptr;
  return BlockedConv{std::move(*conv), *activation, request.constants[1]->buffer().data(), bias};
}

}  // namespace lathe::simd
