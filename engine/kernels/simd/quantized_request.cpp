// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/quantized_request.h"

#include <hwy/base.h>

#include "engine/kernels/blocked_layout.h"
#include "engine/kernels/unfit.h"

namespace lathe::simd {
namespace {

bool present(const KernelRequest& request, size_t input) {
  return input < request.inputs.size() && request.inputs[input].present();
}

struct Sums {
  int32_t sum = 0, squares = 0;
};

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl")

/// A plain loop that compilers turn into vectors.
Sums add_up(const int8_t* weights, int64_t count) {
  Sums made;
  for (int64_t k = 0; k < count; ++k) {
    const int32_t weight = weights[k];
    made.sum += weight;
    made.squares += weight * weight;
  }
  return made;
}

HWY_POP_ATTRIBUTES

}  // namespace

std::variant<QuantizedConvRequest, Decline> read_quantized_conv(const KernelRequest& request) {
  if (!request.prepack || request.plain_layouts)
    return Decline{DeclineReason::layout, "weights that must stay"};
  if (quantized_unit() == QuantizedUnit::none)
    return Decline{DeclineReason::instruction_set, instruction_set()};
  if (auto reason = unfit_tensor(request.inputs[0], {ElementType::u8, ElementType::i8}, 3, 4)) return *reason;
  if (auto reason =
          unfit_tensor(request.outputs[0], {ElementType::u8, ElementType::i8, ElementType::f32}, 3, 4))
    return *reason;
  if (request.constants[1] == nullptr || request.inputs[1].type != ElementType::i8)
    return Decline{DeclineReason::not_constant, "weights"};
  QuantizedConvRequest made;
  if (present(request, quantized_bias)) {
    const Tensor* bias = request.constants[quantized_bias];
    if (bias == nullptr || bias->type() != ElementType::f32)
      return Decline{DeclineReason::not_constant, "bias"};
    made.bias = bias->data<float>();
  }
  if (present(request, quantized_residual)) {
    made.residual_type = request.inputs[quantized_residual].type;
    if (request.inputs[quantized_residual].shape != request.outputs[0].shape)
      return Decline{DeclineReason::shape, "the residual broadcasts"};
  }
  const auto operation = parse_quantized_operation(*request.node);
  auto conv = resolve_conv(*request.node, request.inputs[0].shape, request.inputs[1].shape);
  if (!operation.ok() || !conv.ok()) return Decline{DeclineReason::attribute, "geometry or parameters"};
  constexpr int64_t deepest = 1 << 15;  // products of 8 bit whose sums fit 32 bit, whatever the zero point
  if (conv->group_channels() * conv->kernel_count() > deepest)
    return Decline{DeclineReason::shape, "sums beyond 32 bit"};
  made.conv = std::move(*conv);
  made.operation = *operation;
  made.is_signed = request.inputs[0].type == ElementType::i8;
  made.weights = request.constants[1]->data<int8_t>().data();
  return made;
}

WeightSums add_up_weights(const QuantizedConvRequest& request) {
  const auto channels = static_cast<size_t>(request.conv.out_channels);
  const int64_t depth = request.conv.group_channels() * request.conv.kernel_count();
  WeightSums made{std::vector<int32_t>(channels), std::vector<float>(channels)};
  for (size_t o = 0; o < channels; ++o) {
    const auto [sum, squares] = add_up(request.weights + static_cast<int64_t>(o) * depth, depth);
    made.sums[o] = sum;
    made.squares[o] = static_cast<float>(squares);
  }
  return made;
}

QuantizedConvKernel::QuantizedConvKernel(const KernelRequest& request, Requantization how)
    : how_(std::move(how)) {
  input_layouts_.assign(request.inputs.size(), {});
  input_layouts_[0] = channels_last_layout(request.inputs[0].type, request.inputs[0].shape);
  output_layouts_.assign(1, channels_last_layout(request.outputs[0].type, request.outputs[0].shape));
  consumed_.assign(request.inputs.size(), false);
  consumed_[1] = true;
  if (present(request, quantized_bias)) consumed_[quantized_bias] = true;
  if (present(request, quantized_residual)) {
    const TensorDesc& residual = request.inputs[quantized_residual];
    input_layouts_[quantized_residual] = channels_last_layout(residual.type, residual.shape);
    in_place_input_ = static_cast<int>(quantized_residual);
  }
}

const std::byte* QuantizedConvKernel::residual_of(const KernelArguments& arguments) const {
  return how_.residual == Requantization::Residual::none ? nullptr : arguments.inputs[quantized_residual];
}

}  // namespace lathe::simd
