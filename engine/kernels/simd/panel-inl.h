// SPDX-License-Identifier: Apache-2.0
// Products of rows that lie in blocks of 16 channels with a panel of two blocks of output channels; included
// once per instruction set, after <hwy/highway.h>.
#if defined(LATHE_PANEL_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_PANEL_INL_H
#undef LATHE_PANEL_INL_H
#else
#define LATHE_PANEL_INL_H
#endif

#include <algorithm>
#include <cstdint>
#include <hwy/highway.h>
#include <utility>

#include "engine/kernels/simd/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t panel_width = 2 * tile_block;
constexpr int64_t deepest_chunk = 192;  ///< a panel of it fits into the first-level cache

/// Rows (pixels, tiles of pixels) of blocks of 16 channels: of what is multiplied, and of the products.
struct BlockedRows {
  const float* x;  ///< [channels / 16] blocks, x_step floats apart, of [count][16]
  int64_t x_step;
  float* y;  ///< one or two blocks of output channels, y_step floats apart, of [count][16]
  int64_t y_step;
  int64_t count;
};

/// A part of a panel, [depth][32], and what is needed soon.
struct PanelChunk {
  const float* weights;
  int64_t depth;
  const float* next;
  bool two_lines;  ///< of `next` for every fourth row of weights, instead of one
};

/// So many rows at once.
template <int Vectors, int Rows>
HWY_NOINLINE void multiply_tile(const BlockedRows& rows, const PanelChunk& chunk, bool accumulate) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> sums[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v)
      sums[r][v] = accumulate ? hn::LoadU(d, rows.y + v * rows.y_step + r * tile_block) : hn::Zero(d);
  const float* HWY_RESTRICT weights = chunk.weights;
  const auto load = [&](hn::Vec<decltype(d)>(&row)[Vectors]) HWY_ATTR {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) row[v] = hn::LoadU(d, weights + v * tile_block);
    weights += panel_width;
  };
  multiply_rows<Rows, Vectors>(rows.x, rows.x_step, chunk.depth, chunk.next, load, sums, chunk.two_lines);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sums[r][v], d, rows.y + v * rows.y_step + r * tile_block);
}

using Tile = void (*)(const BlockedRows&, const PanelChunk&, bool);
template <int Vectors, int... Rows>
Tile tile_of(int64_t rows, std::integer_sequence<int, Rows...>) {
  static constexpr Tile tiles[] = {multiply_tile<Vectors, Rows + 1>...};
  return tiles[rows - 1];
}
inline Tile tile_of(int64_t rows, int64_t vectors) {
  constexpr auto every = std::make_integer_sequence<int, most_rows_a_tile>();
  return vectors == 2 ? tile_of<2>(rows, every) : tile_of<1>(rows, every);
}

/// y (+)= x * weights. `weights` is [depth][32], depth a multiple of 4; `done(y, count)` is called for rows
/// that are complete, while they are in the cache.
template <class Done>
HWY_INLINE void multiply_panel(const BlockedRows& rows, const float* weights, int64_t depth, int64_t vectors,
                               bool accumulate, const Done& done) {
  const int64_t chunks = (depth + deepest_chunk - 1) / deepest_chunk;
  const int64_t chunk = ((depth + chunks - 1) / chunks + tile_block - 1) / tile_block * tile_block;
  const int64_t tiles = (rows.count + most_rows_a_tile - 1) / most_rows_a_tile;
  const int64_t rows_a_tile = (rows.count + tiles - 1) / tiles;
  // Together the tiles fetch the next chunk, two lines for each row of it.
  const bool two_lines = tiles < 2 * 4;
  for (int64_t k = 0; k < depth; k += chunk) {
    PanelChunk part{weights + k * panel_width, std::min(chunk, depth - k), nullptr, two_lines};
    part.next = part.weights + part.depth * panel_width;
    for (int64_t first = 0; first < rows.count; first += rows_a_tile) {
      BlockedRows tile = rows;
      tile.count = std::min(rows_a_tile, rows.count - first);
      tile.x += k / tile_block * rows.x_step + first * tile_block;
      tile.y += first * tile_block;
      tile_of(tile.count, vectors)(tile, part, accumulate || k > 0);
      part.next += part.depth / 4 * floats_a_line * (two_lines ? 2 : 1);
      if (k + chunk >= depth) done(tile.y, tile.count);
    }
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
