// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/quantized_block.h"

#include <cstring>
#include <hwy/base.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/kernels/kernel.h"

namespace lathe::simd {
namespace {

constexpr int64_t width = QuantizedBlock::width, vector_bytes = 64;

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512vnni")

/// `rows` rows with two columns, or one: all sums stay in registers.
template <int rows, int columns>
void multiply_rows(const QuantizedBlock& block, const uint8_t* x, const int32_t* start, int32_t* sums) {
  const QuantizedGeometry& g = *block.geometry;
  __m512i sum[rows][columns];
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) sum[r][c] = _mm512_loadu_si512(start + c * QuantizedPanels::column);
  const int8_t* weights[columns];
  for (int c = 0; c < columns; ++c) weights[c] = block.panels->column_of(block.column + c);
  const int flip = block.is_signed ? static_cast<int>(0x80808080U) : 0;
  const __m512i sign = _mm512_set1_epi32(flip);
  for (const int64_t step : g.steps)
    for (int64_t k = 0; k < g.step_bytes; k += 4) {
      __m512i w[columns];
      for (int c = 0; c < columns; ++c, weights[c - 1] += vector_bytes) w[c] = _mm512_load_si512(weights[c]);
      for (int r = 0; r < rows; ++r) {
        int32_t four = 0;
        std::memcpy(&four, x + step + k + r * g.row_stride, sizeof four);
        const __m512i data = _mm512_xor_si512(_mm512_set1_epi32(four), sign);
        for (int c = 0; c < columns; ++c) sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], data, w[c]);
      }
    }
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      _mm512_storeu_si512(sums + r * width + c * QuantizedPanels::column, sum[r][c]);
}

template <int columns>
void multiply_on_vectors(const QuantizedBlock& block, const int32_t* start, int32_t* sums) {
  constexpr int most = 12;
  int64_t r = 0;
  const auto x = [&] { return block.x + r * block.geometry->row_stride; };
  for (; r + most <= block.count; r += most)
    multiply_rows<most, columns>(block, x(), start, sums + r * width);
  for (; r + 4 <= block.count; r += 4) multiply_rows<4, columns>(block, x(), start, sums + r * width);
  for (; r < block.count; ++r) multiply_rows<1, columns>(block, x(), start, sums + r * width);
}

HWY_POP_ATTRIBUTES

constexpr int64_t tile_rows = 16, ahead = 4096;
constexpr int64_t same_line = 0;  ///< a stride that loads one line into all rows

/// Compilers do not see what instructions for tiles read: it has to be in memory before them.
void read_by_tiles(const void* data) {
  __asm__ volatile("" : : "r"(data) : "memory");
}

/// The operand of LDTILECFG. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
struct TileConfiguration {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

HWY_PUSH_ATTRIBUTES("amx-tile,amx-int8")

// Tiles 0 to 3: sums of (rows, columns); 4 and 5: rows of data; 6 and 7: columns of weights.
void configure(int64_t step_bytes) {
  TileConfiguration made;
  for (int tile = 0; tile < 8; ++tile) {
    const bool weights = tile >= 6;
    made.rows[tile] = static_cast<uint8_t>(weights ? step_bytes / 4 : tile_rows);
    made.row_bytes[tile] = static_cast<uint16_t>(tile == 4 || tile == 5 ? step_bytes : vector_bytes);
  }
  read_by_tiles(&made);
  _tile_loadconfig(&made);
}

void release() {
  _tile_release();
}

template <bool is_signed>
void multiply_on_four(const QuantizedGeometry& g, const uint8_t* x, const int8_t* left, const int8_t* right,
                      const int32_t* start, int32_t* sums) {
  const uint8_t* lower = x + tile_rows * g.row_stride;
  const int64_t step_weights = g.step_bytes * QuantizedPanels::column;
  _tile_loadd(0, start, same_line);
  _tile_loadd(1, start + QuantizedPanels::column, same_line);
  _tile_loadd(2, start, same_line);
  _tile_loadd(3, start + QuantizedPanels::column, same_line);
  for (const int64_t step : g.steps) {
    _tile_loadd(4, x + step, g.row_stride);
    _tile_loadd(6, left, vector_bytes);
    _tile_loadd(5, lower + step, g.row_stride);
    _tile_loadd(7, right, vector_bytes);
    if constexpr (is_signed) {
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(1, 4, 7);
      _tile_dpbssd(3, 5, 7);
    } else {
      _tile_dpbusd(0, 4, 6);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(1, 4, 7);
      _tile_dpbusd(3, 5, 7);
    }
    for (int64_t line = 0; line < step_weights; line += vector_bytes) {
      _mm_prefetch(reinterpret_cast<const char*>(left) + ahead + line, _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(right) + ahead + line, _MM_HINT_T0);
    }
    left += step_weights;
    right += step_weights;
  }
  constexpr int64_t pitch = width * static_cast<int64_t>(sizeof(int32_t));
  _tile_stored(0, sums, pitch);
  _tile_stored(1, sums + QuantizedPanels::column, pitch);
  _tile_stored(2, sums + tile_rows * width, pitch);
  _tile_stored(3, sums + tile_rows * width + QuantizedPanels::column, pitch);
}

/// The same for one column.
template <bool is_signed>
void multiply_on_two(const QuantizedGeometry& g, const uint8_t* x, const int8_t* weights,
                     const int32_t* start, int32_t* sums) {
  const uint8_t* lower = x + tile_rows * g.row_stride;
  _tile_loadd(0, start, same_line);
  _tile_loadd(2, start, same_line);
  for (const int64_t step : g.steps) {
    _tile_loadd(4, x + step, g.row_stride);
    _tile_loadd(6, weights, vector_bytes);
    _tile_loadd(5, lower + step, g.row_stride);
    if constexpr (is_signed) {
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(2, 5, 6);
    } else {
      _tile_dpbusd(0, 4, 6);
      _tile_dpbusd(2, 5, 6);
    }
    weights += g.step_bytes * QuantizedPanels::column;
  }
  constexpr int64_t pitch = width * static_cast<int64_t>(sizeof(int32_t));
  _tile_stored(0, sums, pitch);
  _tile_stored(2, sums + tile_rows * width, pitch);
}

HWY_POP_ATTRIBUTES

template <bool is_signed>
void multiply_on_tiles(const QuantizedBlock& block, const int32_t* start, int32_t* sums) {
  read_by_tiles(block.x);
  const int8_t* left = block.panels->column_of(block.column);
  if (block.present == 2)
    multiply_on_four<is_signed>(*block.geometry, block.x, left, left + block.panels->column_bytes(), start,
                                sums);
  else
    multiply_on_two<is_signed>(*block.geometry, block.x, left, start, sums);
}

/// Linux hands out the tiles' registers, 8 KB a thread, to processes that ask. Source: Linux,
/// Documentation/arch/x86/xstate.rst.
bool permitted_tiles() {
  constexpr int64_t request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

QuantizedUnit quantized_unit() {
  static const QuantizedUnit unit = [] {
    const std::string isa = instruction_set();
    if (isa == "avx512_amx") return permitted_tiles() ? QuantizedUnit::tiles : QuantizedUnit::vectors;
    return isa == "avx512_bf16" || isa == "avx512_vnni" ? QuantizedUnit::vectors : QuantizedUnit::none;
  }();
  return unit;
}

int32_t shifted_zero(QuantizedUnit unit, bool is_signed, int32_t zero_point) {
  return is_signed && unit != QuantizedUnit::tiles ? zero_point + 128 : zero_point;
}

TileScope::TileScope(QuantizedUnit unit, const QuantizedGeometry& geometry)
    : configured_(unit == QuantizedUnit::tiles) {
  if (configured_) configure(geometry.step_bytes);
}
TileScope::~TileScope() {
  if (configured_) release();
}

void multiply_block(QuantizedUnit unit, const QuantizedBlock& block, const int32_t* start, int32_t* sums) {
  if (unit == QuantizedUnit::tiles)
    return block.is_signed ? multiply_on_tiles<true>(block, start, sums)
                           : multiply_on_tiles<false>(block, start, sums);
  return block.present == 2 ? multiply_on_vectors<2>(block, start, sums)
                            : multiply_on_vectors<1>(block, start, sums);
}

}  // namespace lathe::simd
