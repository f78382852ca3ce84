// SPDX-License-Identifier: Apache-2.0
// The vector code of 1x1 convolutions: a vector is a block of 16 output channels, a row a pixel.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/pointwise.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cstring>
#include <hwy/highway.h>
#include <utility>

#include "engine/kernels/simd/activations-inl.h"
#include "engine/kernels/simd/pointwise.h"
#include "engine/kernels/simd/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t block = PointwiseWeights::block, panel_width = PointwiseWeights::panel;
constexpr int64_t deepest_chunk = 192;  // a panel of it fits into the first-level cache

/// Some rows by one panel over a chunk of the channels.
struct TileTask {
  const float* x;  ///< [channels / 16] blocks, x_step apart, of [rows][16]
  int64_t x_step;
  const float* weights;
  int64_t depth;
  const float* next;  ///< weights needed soon
  float* y;           ///< blocks of channels, y_step apart, of [rows][16]
  int64_t y_step;
  bool accumulate;
};

template <int Vectors, int Rows>
HWY_NOINLINE void multiply_tile(const TileTask& task) {
  const D d;
  V sums[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v)
      sums[r][v] = task.accumulate ? hn::LoadU(d, task.y + v * task.y_step + r * block) : hn::Zero(d);
  const float* HWY_RESTRICT weights = task.weights;
  const auto load = [&](V(&row)[Vectors]) HWY_ATTR {
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) row[v] = hn::LoadU(d, weights + v * block);
    weights += panel_width;
  };
  multiply_rows<Rows, Vectors>(task.x, task.x_step, task.depth, task.next, load, sums);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) hn::StoreU(sums[r][v], d, task.y + v * task.y_step + r * block);
}

using Tile = void (*)(const TileTask&);
template <int Vectors, int... Rows>
Tile tile_of(int64_t rows, std::integer_sequence<int, Rows...>) {
  static constexpr Tile tiles[] = {multiply_tile<Vectors, Rows + 1>...};
  return tiles[rows - 1];
}
Tile tile_of(int64_t rows, int64_t vectors) {
  constexpr auto every = std::make_integer_sequence<int, most_rows_a_tile>();
  return vectors == 2 ? tile_of<2>(rows, every) : tile_of<1>(rows, every);
}

/// y = activation(y + bias) over rows of one block of channels.
template <class F>
void finish(const Activation& activation, const float* HWY_RESTRICT bias, float* HWY_RESTRICT y,
            int64_t rows) {
  const D d;
  const V shift = hn::LoadU(d, bias);
  for (int64_t r = 0; r < rows; ++r, y += block)
    hn::StoreU(F::of(d, hn::Add(hn::LoadU(d, y), shift), activation), d, y);
}

template <class F>
void multiply(const PointwiseTask& task) {
  const PointwiseWeights& weights = *task.weights;
  const int64_t step = task.pixels * block, depth = weights.depth();
  const int64_t vectors = std::min<int64_t>(2, weights.out_blocks() - 2 * task.panel);
  const int64_t chunks = (depth + deepest_chunk - 1) / deepest_chunk;
  const int64_t chunk = ((depth + chunks - 1) / chunks + block - 1) / block * block;
  const int64_t count = task.last - task.first;
  const int64_t tiles = (count + most_rows_a_tile - 1) / most_rows_a_tile,
                rows_a_tile = (count + tiles - 1) / tiles;
  float* const y = task.y + 2 * task.panel * step;
  for (int64_t k = 0; k < depth; k += chunk) {
    TileTask tile{.x = nullptr,
                  .x_step = step,
                  .weights = weights.panel_of(task.panel) + k * panel_width,
                  .depth = std::min(chunk, depth - k),
                  .next = nullptr,
                  .y = nullptr,
                  .y_step = step,
                  .accumulate = k > 0 || task.accumulate};
    tile.next = tile.weights + tile.depth * panel_width;
    for (int64_t first = task.first; first < task.last; first += rows_a_tile) {
      const int64_t rows = std::min(rows_a_tile, task.last - first);
      tile.x = task.x + k / block * step + first * block;
      tile.y = y + first * block;
      tile_of(rows, vectors)(tile);
      tile.next += tile.depth / 4 * floats_a_line;
      if (k + chunk < depth) continue;
      for (int64_t v = 0; v < vectors; ++v)
        finish<F>(task.activation, weights.bias_of(task.panel) + v * block, tile.y + v * step, rows);
    }
  }
}

void multiply_any(const PointwiseTask& task) {
  with_activation(task.activation.kind, [&]<class F>(F) { multiply<F>(task); });
}

bool suits() {
  return hn::Lanes(D()) == static_cast<size_t>(block);
}

}  // namespace
}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(multiply_any);
HWY_EXPORT(suits);

void multiply_pointwise(const PointwiseTask& task) {
  HWY_DYNAMIC_DISPATCH(multiply_any)(task);
}
bool pointwise_suits() {
  return HWY_DYNAMIC_DISPATCH(suits)();
}

Result<PointwiseWeights> pack_pointwise(int64_t channels, int64_t out_channels, const std::byte* weights,
                                        const std::byte* bias) {
  PointwiseWeights made{channels, out_channels, {}};
  const int64_t panel = PointwiseWeights::panel;
  const auto floats = static_cast<size_t>(made.panels() * (made.depth() + 1) * panel);
  LATHE_ASSIGN(made.stored, Buffer::allocate_lasting(floats * sizeof(float)));
  auto* to = reinterpret_cast<float*>(made.stored.mutable_data());
  std::fill(to, to + floats, 0.0F);
  const auto size = static_cast<int64_t>(sizeof(float));
  for (int64_t o = 0; o < out_channels; ++o) {
    float* column = to + o / panel * made.depth() * panel + o % panel;
    for (int64_t c = 0; c < channels; ++c)
      std::memcpy(column + c * panel, weights + (o * channels + c) * size, sizeof(float));
    if (bias != nullptr)
      std::memcpy(to + made.panels() * made.depth() * panel + o, bias + o * size, sizeof(float));
  }
  return made;
}

}  // namespace lathe::simd
#endif
