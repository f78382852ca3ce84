// SPDX-License-Identifier: Apache-2.0
// Convolutions with 1x1 kernels and stride 1 over f32 images in blocks of channels, [C / 16][pixels][16]: the
// pixels are rows of a matrix product that need no packing. Others are products as well once what each of
// their windows reads is gathered.
#pragma once

#include <cstdint>

#include "engine/base/buffer.h"
#include "engine/base/result.h"
#include "engine/ops/activation.h"

namespace lathe::simd {

/// Weights in panels of two blocks of output channels: [panel][channels][32], then the bias [panel][32].
struct PointwiseWeights {
  static constexpr int64_t block = 16, panel = 2 * block;
  int64_t channels = 0, out_channels = 0;
  Buffer stored;

  int64_t depth() const { return (channels + 3) / 4 * 4; }
  int64_t out_blocks() const { return (out_channels + block - 1) / block; }
  int64_t panels() const { return (out_blocks() + 1) / 2; }
  const float* panel_of(int64_t p) const {
    return reinterpret_cast<const float*>(stored.data()) + p * depth() * panel;
  }
  const float* bias_of(int64_t p) const { return panel_of(panels()) + p * panel; }
};

/// `weights` is [out_channels, channels, taps], unaligned bytes of f32; `bias` one per output channel, or
/// null. With more than one tap the product's channels are those of the taps one after the other, each in
/// whole blocks.
Result<PointwiseWeights> pack_pointwise(int64_t channels, int64_t out_channels, int64_t taps,
                                        const std::byte* weights, const std::byte* bias);

/// Some pixels of one image, and one panel of output channels.
struct PointwiseTask {
  const PointwiseWeights* weights = nullptr;
  const float* x = nullptr;
  float* y = nullptr;
  int64_t pixels = 0;  ///< of the image
  int64_t first = 0, last = 0, panel = 0;
  bool accumulate = false;  ///< to what y holds
  Activation activation;
};
void multiply_pointwise(const PointwiseTask& task);

/// Whether this machine's vectors are as wide as a block of channels.
bool pointwise_suits();

}  // namespace lathe::simd
