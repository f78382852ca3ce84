// SPDX-License-Identifier: Apache-2.0
// Convolutions with 3x3 kernels and stride 1 by Winograd's F(4x4, 3x3) over f32 images in blocks of channels,
// [C / 16][H][W][16]: a tile of 6x6 inputs becomes 36 numbers, of which 36 matrix products make those of 4x4
// outputs, a quarter of the multiplications.
//
// Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, 2015. The points are 0, +-1/sqrt(2),
// +-sqrt(2) and infinity, whose rounding errors are smaller than those of +-1, +-2 (Barabasz et al.: Error
// Analysis and Improving the Accuracy of Winograd Convolution, 2018).
#pragma once

#include <cstdint>

#include "engine/base/buffer.h"
#include "engine/base/result.h"
#include "engine/ops/activation.h"

namespace lathe::simd {

/// Weights in panels of two blocks of output channels: [panel][channels][9][32], then the bias [panel][32].
/// They are transformed when they are used: four times as many numbers would have to come from memory.
struct WinogradWeights {
  static constexpr int64_t block = 16, panel = 2 * block, taps = 9;
  int64_t channels = 0, out_channels = 0;
  Buffer stored;

  int64_t depth() const { return (channels + 3) / 4 * 4; }
  int64_t in_blocks() const { return (channels + block - 1) / block; }
  int64_t out_blocks() const { return (out_channels + block - 1) / block; }
  int64_t panels() const { return (out_blocks() + 1) / 2; }
  const float* panel_of(int64_t p) const {
    return reinterpret_cast<const float*>(stored.data()) + p * depth() * taps * panel;
  }
  const float* bias() const { return panel_of(panels()); }
};

/// `weights` is [out_channels, channels, 3, 3], unaligned bytes of f32; `bias` one per output channel, or
/// null. Uses the calling thread's OpenMP threads.
Result<WinogradWeights> pack_winograd(int64_t channels, int64_t out_channels, const std::byte* weights,
                                      const std::byte* bias);

/// Some tiles of the images, counted along rows, then columns, then images.
struct WinogradTask {
  static constexpr int64_t side = 4;  ///< outputs of a tile
  const WinogradWeights* weights = nullptr;
  const float *x = nullptr, *residual = nullptr;  ///< residual: of y's shape, or null; may be y itself
  float* y = nullptr;
  int64_t height = 0, width = 0, out_height = 0, out_width = 0, pad_top = 0, pad_left = 0;
  int64_t first = 0, count = 0;  ///< tiles
  float* inputs = nullptr;  ///< scratch of input_floats(), transformed inputs: [36][in_blocks][count][16]
  Activation activation;

  int64_t tile_rows() const { return (out_height + side - 1) / side; }
  int64_t tile_columns() const { return (out_width + side - 1) / side; }
  /// From one of the 36 numbers of a tile to the next. Not a power of two, which would put all of them into
  /// the same places of the cache.
  int64_t input_plane() const { return weights->in_blocks() * count * block + block; }
  int64_t product_plane() const { return 2 * count * block + block; }
  int64_t input_floats() const { return positions * input_plane(); }
  /// Of the scratch that each call of winograd_panels() needs.
  int64_t panel_floats() const { return positions * product_plane() + points * weight_plane; }

  static constexpr int64_t points = 6, positions = points * points, block = WinogradWeights::block;
  static constexpr int64_t chunk = 64;  ///< channels whose weights are transformed together
  static constexpr int64_t weight_plane = chunk * WinogradWeights::panel + block;
};

/// Transforms the inputs of some blocks of channels.
void winograd_inputs(const WinogradTask& task, int64_t begin, int64_t end);
/// Makes the outputs of some panels of channels; needs the inputs of all.
void winograd_panels(const WinogradTask& task, int64_t begin, int64_t end, float* scratch);

/// Whether this machine's vectors are as wide as a block of channels.
bool winograd_suits();

}  // namespace lathe::simd
