// SPDX-License-Identifier: Apache-2.0
// What the 8-bit convolutions of our own read from a request.
#pragma once

#include <variant>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/quantized_block.h"
#include "engine/kernels/simd/requantize.h"

namespace lathe::simd {

struct QuantizedConvRequest {
  ConvGeometry conv;
  QuantizedOperation operation;
  bool is_signed = false;  ///< the data
  const int8_t* weights = nullptr;
  std::span<const float> bias;
  ElementType residual_type = ElementType::undefined;
};

/// Types, constants and shapes that such kernels take; another reason where they do not.
std::variant<QuantizedConvRequest, Decline> read_quantized_conv(const KernelRequest& request);

/// Sums and sums of squares of each output channel's weights.
struct WeightSums {
  std::vector<int32_t> sums;
  std::vector<float> squares;
};
WeightSums add_up_weights(const QuantizedConvRequest& request);

constexpr size_t quantized_bias = 2, quantized_residual = 3;

/// A kernel on channels-last images that holds its weights and its bias.
class QuantizedConvKernel : public Kernel {
 protected:
  QuantizedConvKernel(const KernelRequest& request, Requantization how);
  const std::byte* residual_of(const KernelArguments& arguments) const;

  Requantization how_;
};

}  // namespace lathe::simd
