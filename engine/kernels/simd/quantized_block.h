// SPDX-License-Identifier: Apache-2.0
// Sums of 8-bit products of a block of rows with two columns of weights: on tiles (AMX) where the machine has
// them, else on vectors (AVX-512 VNNI).
#pragma once

#include <cstdint>

#include "engine/kernels/simd/quantized_panels.h"

namespace lathe::simd {

enum class QuantizedUnit { none, vectors, tiles };
/// What this machine multiplies bytes with, after LATHE_ISA's cap. Asks the system for the tiles' registers.
QuantizedUnit quantized_unit();

struct QuantizedBlock {
  static constexpr int64_t rows = 32, columns = 2, width = columns * QuantizedPanels::column;

  const QuantizedGeometry* geometry = nullptr;
  const QuantizedPanels* panels = nullptr;
  bool is_signed = false;      ///< the data: i8, else u8
  const uint8_t* x = nullptr;  ///< the first row
  int64_t count = rows;        ///< 1 to 32
  int64_t column = 0;          ///< the first
  int64_t present = columns;   ///< 1 or 2
};

/// Signed data is multiplied as u8, 128 higher, where the unit knows no other.
int32_t shifted_zero(QuantizedUnit unit, bool is_signed, int32_t zero_point);

/// While it lives, blocks of `geometry` may be multiplied on tiles by this thread.
class TileScope {
 public:
  TileScope(QuantizedUnit unit, const QuantizedGeometry& geometry);
  ~TileScope();
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;

 private:
  bool configured_;
};

/// sums[row][32] = start[32] + products of the stored integers. Tiles want all 32 rows.
void multiply_block(QuantizedUnit unit, const QuantizedBlock& block, const int32_t* start, int32_t* sums);

}  // namespace lathe::simd
