// SPDX-License-Identifier: Apache-2.0
// One head's share of an attention step, as the vector code sees it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace lathe::simd {

/// A matrix of f32 or bf16 elements with any strides (in elements).
struct StridedMatrix {
  const float* f32 = nullptr;
  const uint16_t* bf16 = nullptr;
  int64_t row = 0, column = 0;

  bool present() const { return f32 != nullptr || bf16 != nullptr; }
  StridedMatrix transposed() const { return {f32, bf16, column, row}; }
  float at(int64_t r, int64_t c) const {
    const int64_t i = r * row + c * column;
    return f32 != nullptr ? f32[i] : std::bit_cast<float>(static_cast<uint32_t>(bf16[i]) << 16);
  }
};

/// The same, to be written. bf16 is rounded to nearest even.
struct StridedResult {
  StridedMatrix matrix;
  void set(int64_t r, int64_t c, float value) const {
    const int64_t i = r * matrix.row + c * matrix.column;
    if (matrix.f32 != nullptr) {
      const_cast<float*>(matrix.f32)[i] = value;
      return;
    }
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t rounded =
        value != value ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    const_cast<uint16_t*>(matrix.bf16)[i] = static_cast<uint16_t>(rounded);
  }
};

struct AttentionTask {
  StridedMatrix q;     ///< [queries, size]
  StridedMatrix k;     ///< [size, keys]
  StridedMatrix v;     ///< [keys, v_size]
  StridedMatrix mask;  ///< [queries, keys], or absent
  StridedResult y;     ///< [queries, v_size]
  int64_t first_query = 0, last_query = 0;
  int64_t keys = 0, size = 0, v_size = 0;
  float scale = 1;
};

/// Floats of scratch memory each thread needs, part by part.
struct AttentionScratch {
  int64_t keys, values, tile, scores, result, line;
};
inline AttentionScratch attention_scratch(const AttentionTask& task, int64_t panel) {
  const auto whole = [](int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; };
  constexpr int64_t rows = 6;
  const int64_t keys = whole(task.keys, panel), columns = whole(task.v_size, panel);
  return {keys * task.size, task.keys * columns, whole(rows * task.size, 16),
          rows * keys,      rows * columns,      whole(std::max({task.size, task.v_size, task.keys}), 16)};
}

}  // namespace lathe::simd
