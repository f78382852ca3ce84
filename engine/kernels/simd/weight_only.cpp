// SPDX-License-Identifier: Apache-2.0
// Products of f32 data with weights stored in 8 or 4 bits (lathe.WeightOnlyMatMul,
// com.microsoft.MatMulNBits).
//
// A few rows: weights become f32 in registers, so that memory has to bring no more than what is stored. The
// sum over a block of 4-bit weights is scale * (sum of a * stored - zero point * sum of a), which is NaN
// where `a` holds an infinity. Many rows: a chunk of a panel is unpacked to f32 once and multiplied in tiles.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/weight_only.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <hwy/highway.h>

#include "engine/kernels/simd/weight_only_task.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using Words = hn::Vec<hn::RebindToUnsigned<D>>;
constexpr int vectors = 4;            // of a panel
constexpr int64_t rows_in_place = 4;  // that share one unpacking in registers
constexpr int64_t rows_a_tile = 6;    // with four vectors: 24 sums, the registers AVX-512 has

HWY_INLINE int64_t lanes() {
  return static_cast<int64_t>(hn::Lanes(D()));
}

int64_t panel_width() {
  return lanes() * vectors;
}

HWY_INLINE V load_bytes(const int8_t* HWY_RESTRICT from) {
  const hn::Rebind<int8_t, D> stored;
  const hn::RebindToSigned<D> wide;
  return hn::ConvertTo(D(), hn::PromoteTo(wide, hn::LoadU(stored, from)));
}

HWY_INLINE V load_zeros(const uint8_t* HWY_RESTRICT from) {
  const hn::Rebind<uint8_t, D> stored;
  const hn::RebindToSigned<D> wide;
  return hn::ConvertTo(D(), hn::PromoteTo(wide, hn::LoadU(stored, from)));
}

/// The bits that `mask` leaves of each word as numbers.
HWY_INLINE V masked(Words words, uint32_t mask) {
  const hn::RebindToUnsigned<D> word;
  const hn::RebindToSigned<D> wide;
  return hn::ConvertTo(D(), hn::BitCast(wide, hn::And(words, hn::Set(word, mask))));
}

template <int R>
HWY_INLINE void clear(V (&sums)[R][vectors]) {
  for (auto& row : sums)
    for (V& each : row) each = hn::Zero(D());
}

/// sums[r] += a[r] * weights.
template <int R>
HWY_INLINE void add_products(const float* HWY_RESTRICT a, int64_t a_row, const V (&weights)[vectors],
                             V (&sums)[R][vectors]) {
  for (int r = 0; r < R; ++r) {
    const V factor = hn::Set(D(), a[r * a_row]);
    for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(factor, weights[v], sums[r][v]);
  }
}

template <int R>
HWY_INLINE void multiply_bytes(const WeightOnlyTask& task, const float* HWY_RESTRICT a,
                               V (&sums)[R][vectors]) {
  const PackedWeights& packed = *task.weights;
  const int8_t* HWY_RESTRICT from = packed.bytes_of(task.panel);
  for (int64_t k = 0; k < packed.depth; ++k, from += packed.panel) {
    V weights[vectors];
    for (int v = 0; v < vectors; ++v) weights[v] = load_bytes(from + v * lanes());
    add_products<R>(a + k, task.a_row, weights, sums);
  }
  for (int v = 0; v < vectors; ++v) {
    const V scale = hn::LoadU(D(), packed.scales_of(task.panel, 0) + v * lanes());
    for (int r = 0; r < R; ++r) sums[r][v] = hn::Mul(sums[r][v], scale);
  }
}

/// sums[r] += a[r] * the eight weights of each word. Weights are masked where they lie, 16^i times too large
/// for which `a` makes up; the last is shifted, since there the number would have a sign.
template <int R>
HWY_INLINE void add_word(const float* HWY_RESTRICT a, int64_t a_row, const Words (&words)[vectors],
                         V (&sums)[R][vectors]) {
  V weights[vectors];
  HWY_UNROLL(7)
  for (int i = 0; i < scaled_in_a_word; ++i) {
    for (int v = 0; v < vectors; ++v) weights[v] = masked(words[v], 15U << (4 * i));
    add_products<R>(a + i, a_row, weights, sums);
  }
  const hn::RebindToSigned<D> wide;
  for (int v = 0; v < vectors; ++v)
    weights[v] = hn::ConvertTo(D(), hn::BitCast(wide, hn::ShiftRight<28>(words[v])));
  add_products<R>(a + scaled_in_a_word, a_row, weights, sums);
}

template <int R>
HWY_INLINE void multiply_nibbles(const WeightOnlyTask& task, const float* HWY_RESTRICT a,
                                 const float* HWY_RESTRICT a_sums, V (&sums)[R][vectors]) {
  const hn::RebindToUnsigned<D> word;
  const PackedWeights& packed = *task.weights;
  const uint32_t* HWY_RESTRICT from = packed.words_of(task.panel);
  const int64_t blocks = packed.blocks(), groups_a_block = packed.block / weights_a_word;
  int64_t group = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    V within[R][vectors];
    clear<R>(within);
    const int64_t end = std::min(packed.groups(), (b + 1) * groups_a_block);
    for (; group < end; ++group, from += packed.panel) {
      Words words[vectors];
      for (int v = 0; v < vectors; ++v) words[v] = hn::LoadU(word, from + v * lanes());
      add_word<R>(a + group * weights_a_word, task.a_row, words, within);
    }
    for (int v = 0; v < vectors; ++v) {
      const V scale = hn::LoadU(D(), packed.scales_of(task.panel, b) + v * lanes());
      const V zero = load_zeros(packed.zeros_of(task.panel, b) + v * lanes());
      for (int r = 0; r < R; ++r) {
        const V shifted = hn::NegMulAdd(zero, hn::Set(D(), a_sums[r * blocks + b]), within[r][v]);
        sums[r][v] = hn::MulAdd(scale, shifted, sums[r][v]);
      }
    }
  }
}

/// The panel's columns of one row of the result.
HWY_INLINE void store_row(const WeightOnlyTask& task, int64_t row, const float* HWY_RESTRICT values) {
  const int64_t first = task.panel * task.weights->panel;
  const int64_t count = std::min(task.weights->panel, task.weights->columns - first);
  float* HWY_RESTRICT to = task.y + row * task.weights->columns + first;
  if (task.bias == nullptr)
    std::copy_n(values, count, to);
  else
    for (int64_t n = 0; n < count; ++n) to[n] = values[n] + task.bias[first + n];
}

template <int R>
void multiply_in_place(const WeightOnlyTask& task, int64_t row) {
  V sums[R][vectors];
  clear<R>(sums);
  const float* a = task.a + row * task.a_row;
  if (task.weights->nibbles)
    multiply_nibbles<R>(task, a, task.a_sums + row * task.weights->blocks(), sums);
  else
    multiply_bytes<R>(task, a, sums);
  HWY_ALIGN float values[vectors * hn::MaxLanes(D())];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < vectors; ++v) hn::StoreU(sums[r][v], D(), values + v * lanes());
    store_row(task, row + r, values);
  }
}

/// Weights first..last-1 along the depth as f32 [last - first][panel]; `first` begins a word.
void unpack(const WeightOnlyTask& task, int64_t first, int64_t last) {
  const PackedWeights& packed = *task.weights;
  for (int64_t k = first; k < last && !packed.nibbles; ++k)
    for (int v = 0; v < vectors; ++v) {
      const V scale = hn::LoadU(D(), packed.scales_of(task.panel, 0) + v * lanes());
      const V stored = load_bytes(packed.bytes_of(task.panel) + k * packed.panel + v * lanes());
      hn::StoreU(hn::Mul(stored, scale), D(), task.unpacked + (k - first) * packed.panel + v * lanes());
    }
  const hn::RebindToUnsigned<D> word;
  for (int64_t k = first; k < last && packed.nibbles; k += weights_a_word) {
    const int64_t b = k / packed.block, count = std::min(weights_a_word, last - k);
    const uint32_t* from = packed.words_of(task.panel) + k / weights_a_word * packed.panel;
    for (int v = 0; v < vectors; ++v) {
      const V scale = hn::LoadU(D(), packed.scales_of(task.panel, b) + v * lanes());
      const V zero = load_zeros(packed.zeros_of(task.panel, b) + v * lanes());
      Words words = hn::LoadU(word, from + v * lanes());
      float* to = task.unpacked + (k - first) * packed.panel + v * lanes();
      for (int64_t i = 0; i < count; ++i, to += packed.panel) {
        hn::StoreU(hn::Mul(hn::Sub(masked(words, 15), zero), scale), D(), to);
        words = hn::ShiftRight<4>(words);
      }
    }
  }
}

/// sums [R][panel] += a [R][depth] * unpacked [depth][panel].
template <int R>
void add_tile(const float* HWY_RESTRICT a, int64_t a_row, const float* HWY_RESTRICT unpacked, int64_t depth,
              float* HWY_RESTRICT sums) {
  V tile[R][vectors];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < vectors; ++v) tile[r][v] = hn::LoadU(D(), sums + (r * vectors + v) * lanes());
  for (int64_t k = 0; k < depth; ++k) {
    V weights[vectors];
    for (int v = 0; v < vectors; ++v) weights[v] = hn::LoadU(D(), unpacked + (k * vectors + v) * lanes());
    add_products<R>(a + k, a_row, weights, tile);
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < vectors; ++v) hn::StoreU(tile[r][v], D(), sums + (r * vectors + v) * lanes());
}

void multiply_unpacked(const WeightOnlyTask& task) {
  constexpr decltype(&add_tile<1>) tiles[] = {add_tile<1>, add_tile<2>, add_tile<3>,
                                              add_tile<4>, add_tile<5>, add_tile<6>};
  const int64_t depth = task.weights->depth, panel = task.weights->panel;
  std::fill_n(task.sums, (task.last_row - task.first_row) * panel, 0.0F);
  for (int64_t first = 0; first < depth; first += depth_a_chunk) {
    const int64_t last = std::min(depth, first + depth_a_chunk);
    unpack(task, first, last);
    for (int64_t row = task.first_row; row < task.last_row; row += rows_a_tile)
      tiles[std::min(rows_a_tile, task.last_row - row) - 1](task.a + row * task.a_row + first, task.a_row,
                                                            task.unpacked, last - first,
                                                            task.sums + (row - task.first_row) * panel);
  }
  for (int64_t row = task.first_row; row < task.last_row; ++row)
    store_row(task, row, task.sums + (row - task.first_row) * panel);
}

void multiply_panel(const WeightOnlyTask& task) {
  if (task.unpacked != nullptr) return multiply_unpacked(task);
  constexpr decltype(&multiply_in_place<1>) forms[] = {multiply_in_place<1>, multiply_in_place<2>,
                                                       multiply_in_place<3>, multiply_in_place<4>};
  for (int64_t row = task.first_row; row < task.last_row; row += rows_in_place)
    forms[std::min(rows_in_place, task.last_row - row) - 1](task, row);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "engine/kernels/simd/targets.h"

namespace lathe::simd {
namespace {

HWY_EXPORT(multiply_panel);
HWY_EXPORT(panel_width);

}  // namespace

void multiply_weight_only(const WeightOnlyTask& task) {
  HWY_DYNAMIC_DISPATCH(multiply_panel)(task);
}

int64_t weight_only_panel() {
  cap_targets();
  return HWY_DYNAMIC_DISPATCH(panel_width)();
}

}  // namespace lathe::simd
#endif
