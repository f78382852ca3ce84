// SPDX-License-Identifier: Apache-2.0
// The heart of our matrix products: a tile of rows by a panel of vectors that stays in registers; included
// once per instruction set, after <hwy/highway.h>.
#if defined(LATHE_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_TILE_INL_H
#undef LATHE_TILE_INL_H
#else
#define LATHE_TILE_INL_H
#endif

#include <algorithm>
#include <cstdint>
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// With two vectors of columns, the registers that leave room for a row of weights and a factor.
constexpr int most_rows_a_tile = HWY_MAX_BYTES >= 64 ? 11 : 6;
constexpr int64_t tile_block = 16;  ///< elements of a row of `a` that lie together
constexpr int64_t floats_a_line = 16;

/// sums += a x b. `a` is [depth / 16] blocks, `a_step` apart, of [Rows][16]; `load` gives the next row of b,
/// depth times. Depth is a multiple of 4; for every fourth row of b a line of `next` is fetched, or two.
template <int Rows, int Vectors, class V, class Load>
HWY_INLINE void multiply_rows(const float* HWY_RESTRICT a, int64_t a_step, int64_t depth, const float* next,
                              Load load, V (&sums)[Rows][Vectors], bool two_lines = false) {
  const hn::ScalableTag<float> d;
  for (int64_t k = 0; k < depth; k += tile_block, a += a_step) {
    const int64_t here = std::min(tile_block, depth - k);
    for (int64_t quad = 0; quad < here; quad += 4) {
      hwy::Prefetch(next);
      next += floats_a_line;
      if (two_lines) {
        hwy::Prefetch(next);
        next += floats_a_line;
      }
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) {
        V row[Vectors];
        load(row);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
          const V factor = hn::Set(d, a[r * tile_block + quad + u]);
#pragma GCC unroll 2
          for (int v = 0; v < Vectors; ++v) sums[r][v] = hn::MulAdd(factor, row[v], sums[r][v]);
        }
      }
    }
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
