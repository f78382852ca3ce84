// SPDX-License-Identifier: Apache-2.0
// What our convolutions of images in blocks of channels ask of a request first.
#pragma once

#include <string>
#include <variant>

#include "engine/kernels/kernel.h"
#include "engine/ops/activation.h"
#include "engine/ops/window.h"

namespace lathe::simd {

inline constexpr size_t residual_input = 3;

struct BlockedConv {
  ConvGeometry conv;
  Activation activation;
  const std::byte* weights = nullptr;  ///< f32, perhaps unaligned
  const std::byte* bias = nullptr;     ///< the same; null: there is none
};

/// Has the layouts of such a convolution; weights and bias are its own. A residual may be overwritten.
class BlockedConvKernel : public Kernel {
 protected:
  BlockedConvKernel(std::string name, const KernelRequest& request);
  bool adds_residual() const { return in_place_input_ >= 0; }
};

/// A Conv or lathe.FusedConv of f32 images in blocks of `block` channels with constant weights, one group and
/// an activation that our vector code fuses, or why it is none.
std::variant<BlockedConv, Decline> read_blocked_conv(const KernelRequest& request, int64_t block);

}  // namespace lathe::simd
