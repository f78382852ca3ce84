// SPDX-License-Identifier: Apache-2.0
// How the 8-bit products say their scales to oneDNN.
#pragma once

#include "engine/kernels/onednn/common.h"
#include "engine/ops/fused_quantization.h"

namespace lathe::onednn {

constexpr size_t quantized_bias_input = 2, quantized_residual_input = 3;

/// Whether an optional input is given.
bool present(const KernelRequest& request, size_t input);

/// Why the request's types are none of the 8-bit kernels'; nothing when they are.
std::optional<Decline> unfit_quantized(const KernelRequest& request, const QuantizedOperation& operation);

/// Attributes that turn the integer product into output 0. `channel_mask`: bit of the output axis that weight
/// scales vary along. Nothing when oneDNN has no such activation.
std::optional<dnnl::primitive_attr> quantized_attributes(const QuantizedOperation& operation,
                                                         const KernelRequest& request, int channel_mask);

/// The bias (f32, constant) in units of the integer product, as `desc` (plain, f32) describes it.
PackedConstant scaled_bias(const Tensor& bias, const QuantizedOperation& operation,
                           const dnnl::memory::desc& desc);

/// Constant 8-bit elements minus their zero points: one, or one for each position of `axis`; null: none.
std::vector<int32_t> centred(const Tensor& stored, const Tensor* zero_points, size_t axis);

}  // namespace lathe::onednn
