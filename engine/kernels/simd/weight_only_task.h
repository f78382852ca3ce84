// SPDX-License-Identifier: Apache-2.0
// What the vector code of weight_only.cpp is given: some rows of a product, and one panel of its columns.
#pragma once

#include "engine/kernels/simd/weight_only.h"

namespace lathe::simd {

inline constexpr int64_t most_rows_in_place = 8;  ///< up to as many, weights are unpacked in registers
inline constexpr int64_t rows_a_task = 192;       ///< of those that share an unpacked chunk
inline constexpr int64_t depth_a_chunk = 256;     ///< a multiple of weights_a_word

inline constexpr int scaled_in_a_word = 7;

struct WeightOnlyTask {
  const PackedWeights* weights = nullptr;
  int64_t panel = 0;
  int64_t first_row = 0, last_row = 0;
  /// In place, 4 bit: rows go on with zeros to a whole number of words, and element i of a word's eight, up
  /// to `scaled_in_a_word`, is divided by 16^i.
  const float* a = nullptr;
  int64_t a_row = 0;
  const float* a_sums = nullptr;  ///< in place, 4 bit: of each row, over each block
  const float* bias = nullptr;    ///< one per column, or null
  float* y = nullptr;             ///< [rows, columns]
  float* unpacked = nullptr;      ///< [depth_a_chunk][panel]; null: in place
  float* sums = nullptr;          ///< [rows_a_task][panel], with `unpacked`
};

void multiply_weight_only(const WeightOnlyTask& task);
/// Columns of a panel on this machine.
int64_t weight_only_panel();

}  // namespace lathe::simd
