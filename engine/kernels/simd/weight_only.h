// SPDX-License-Identifier: Apache-2.0
// Weights in 8 or 4 bits as the vector code of weight_only.cpp reads them: panels of columns, one after the
// other.
//
// 8 bit: each panel is [depth][panel] i8, with one scale per column. 4 bit: [groups of 8 along the
// depth][panel] words, weight i of a group in bits 4i..4i+3, with a scale and a zero point per block of the
// depth and column. Columns beyond the last are 0.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/buffer.h"
#include "engine/base/result.h"

namespace lathe::simd {

inline constexpr int64_t weights_a_word = 8;

struct PackedWeights {
  bool nibbles = false;
  int64_t depth = 0, columns = 0;
  int64_t block = 0;  ///< of 4-bit weights, along the depth
  int64_t panel = 0;  ///< columns of one
  Buffer stored, scales, zeros;

  int64_t panels() const { return (columns + panel - 1) / panel; }
  int64_t groups() const { return (depth + weights_a_word - 1) / weights_a_word; }
  int64_t blocks() const { return nibbles ? (depth + block - 1) / block : 1; }
  size_t bytes() const { return stored.size() + scales.size() + zeros.size(); }

  const int8_t* bytes_of(int64_t p) const {
    return reinterpret_cast<const int8_t*>(stored.data()) + p * depth * panel;
  }
  const uint32_t* words_of(int64_t p) const {
    return reinterpret_cast<const uint32_t*>(stored.data()) + p * groups() * panel;
  }
  const float* scales_of(int64_t p, int64_t b) const {
    return reinterpret_cast<const float*>(scales.data()) + (p * blocks() + b) * panel;
  }
  const uint8_t* zeros_of(int64_t p, int64_t b) const {
    return reinterpret_cast<const uint8_t*>(zeros.data()) + (p * blocks() + b) * panel;
  }
};

/// `stored` is [depth, columns], or [columns, depth] when transposed.
Result<PackedWeights> pack_bytes(std::span<const int8_t> stored, bool transposed,
                                 std::span<const float> scales, int64_t depth, int64_t panel);

/// Weights, scales and zero points (empty: 8) as com.microsoft's MatMulNBits has them: [columns, blocks,
/// block / 2], [columns, blocks] and [columns, blocks / 2 rounded up], low bits first.
Result<PackedWeights> pack_nibbles(std::span<const uint8_t> stored, std::span<const float> scales,
                                   std::span<const uint8_t> zeros, int64_t depth, int64_t columns,
                                   int64_t block, int64_t panel);

}  // namespace lathe::simd
