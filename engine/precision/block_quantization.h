// SPDX-License-Identifier: Apache-2.0
// Weights in 4 bits, in blocks of consecutive weights of one output channel, laid out as com.microsoft's
// MatMulNBits wants them.
//
// real = scale * (stored - zero point), stored and zero point 0..15. Of each block, several ranges are tried
// that clip its outermost weights more and more; that with the least square error is taken, its scale being
// the one that fits the stored numbers best.
#pragma once

#include <span>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace lathe {

struct QuantizedBlock {
  float scale = 0;
  uint8_t zero_point = 0;
};
/// Rounds `weights` (finite, at most 256) into `stored`.
QuantizedBlock quantize_block(std::span<const float> weights, std::span<uint8_t> stored);

struct BlockWeights {
  Tensor stored;       ///< u8 [columns, blocks, block / 2], low bits first
  Tensor scales;       ///< f32 [columns * blocks]
  Tensor zero_points;  ///< u8 [columns * blocks of two, rounded up], low bits first
};
/// Of f32 weights [depth, columns], or [columns, depth] when transposed. A last block that the weights do not
/// fill is filled with its zero point.
Result<BlockWeights> quantize_blocks(const Tensor& weights, bool transposed, int64_t block);

}  // namespace lathe
