// SPDX-License-Identifier: Apache-2.0
// This file is compiled without contraction: products are fused to their sums where it says so.
#include "engine/kernels/simd/tie_sums.h"

#include <algorithm>
#include <hwy/base.h>
#include <immintrin.h>
#include <limits>

namespace lathe::simd {
namespace {

constexpr int64_t quad = 4, column_quad = QuantizedPanels::column * quad;

/// Products that are added one after the other before such sums are added: MLAS's blocks of the depth, which
/// are longer for matrices of few columns.
int64_t block_of_depth(int64_t depth, int64_t columns) {
  int64_t block = 128;
  if (columns < depth)
    for (int64_t width = 128; width > 16 && width / 2 >= columns; width /= 2) block *= 2;
  return block;
}

/// Where byte `at` of segment `segment` is multiplied: its weight's place in a column.
int64_t place_in_column(const QuantizedGeometry& g, int64_t segment, int64_t at) {
  const int64_t i = at / g.step_bytes;
  const int64_t stands = std::min(i * g.step_bytes, std::max<int64_t>(0, g.segment_bytes - g.step_bytes));
  const int64_t k = (segment * g.steps_per_segment + i) * g.step_bytes + at - stands;
  return k / quad * column_quad + k % quad;
}

}  // namespace

/// Of 16 ties: bytes from the first row and from the first column, and their weights' scales.
struct DenseTieSums::Places {
  alignas(64) std::array<int32_t, together> row{}, column{};
  alignas(64) std::array<float, together> scale{};
};

DenseTieSums::DenseTieSums(const QuantizedGeometry& g, const Requantization& how, bool is_signed)
    : is_signed_(is_signed),
      channels_(g.channels),
      depth_(g.depth()),
      block_(block_of_depth(g.depth(), g.pixels())),
      row_stride_(g.row_stride),
      input_(how.operation.input),
      weight_scales_(how.operation.weight_scales),
      order_(how.order) {
  const int64_t taps = g.taps();
  const bool dense = g.dilation_x == 1;
  data_at_.resize(static_cast<size_t>(taps));
  weights_at_.resize(static_cast<size_t>(depth_));
  for (int64_t tap = 0; tap < taps; ++tap) {
    const int64_t u = tap / g.kernel_width, v = tap % g.kernel_width;
    data_at_[static_cast<size_t>(tap)] = static_cast<int32_t>(g.tap_offset(u, v));
    for (int64_t c = 0; c < channels_; ++c)
      weights_at_[static_cast<size_t>(c * taps + tap)] =
          static_cast<int32_t>(place_in_column(g, dense ? u : tap, dense ? v * channels_ + c : c));
  }
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  const int64_t data = g.staged ? static_cast<int64_t>(g.staged_bytes()) : g.pixels() * channels_;
  const int64_t weights =
      (g.out_channels + column_quad) * static_cast<int64_t>(g.steps.size()) * g.step_bytes;
  in_quads_ = channels_ % quad == 0 && data < most && weights < most;
}

void DenseTieSums::add_up(const uint8_t* rows, const QuantizedPanels& panels, std::span<const Tie> ties,
                          float* sums) const {
  Places places;
  for (size_t i = 0; i < together; ++i) {
    const Tie& tie = ties[std::min(i, ties.size() - 1)];
    const int32_t channel = order_[static_cast<size_t>(tie.lane)];
    const float scale = weight_scales_[weight_scales_.size() == 1 ? 0 : static_cast<size_t>(channel)];
    const int64_t column =
        channel / QuantizedPanels::column * panels.column_bytes() + channel % QuantizedPanels::column * quad;
    if (in_quads_) {
      places.row[i] = static_cast<int32_t>(tie.row * row_stride_);
      places.column[i] = static_cast<int32_t>(column);
      places.scale[i] = scale;
    } else if (i < ties.size()) {
      sums[i] = add_up_one(rows + tie.row * row_stride_, panels.column_of(0) + column, scale);
    }
  }
  if (in_quads_) add_up_quads(rows, panels.column_of(0), places, sums);
}

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl")

/// The topmost byte of each lane, as it is signed.
HWY_INLINE __m512i signed_top(__m512i x) {
  return _mm512_srai_epi32(x, 24);
}

void DenseTieSums::add_up_quads(const uint8_t* rows, const int8_t* weights, const Places& places,
                                float* sums) const {
  const __m512i row = _mm512_load_si512(places.row.data()), column = _mm512_load_si512(places.column.data());
  const __m512 scale = _mm512_load_ps(places.scale.data()), step = _mm512_set1_ps(input_.scale);
  const __m512i zero = _mm512_set1_epi32(input_.zero_point);
  const auto taps = static_cast<int64_t>(data_at_.size());
  __m512 whole = _mm512_setzero_ps(), part = whole;
  int64_t left = block_;
  // Four channels are loaded at once: so are their taps, into what waits for its turn.
  constexpr int64_t most_taps = 16;
  __m512i data[most_taps], factors[most_taps];
  for (int64_t c = 0; c < channels_; c += quad)
    for (int64_t j = 0; j < quad; ++j) {
      const int shift = static_cast<int>(24 - 8 * j);
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t kept = tap % most_taps;
        if (j == 0 || taps > most_taps) {
          const auto x_at = static_cast<int>(data_at_[static_cast<size_t>(tap)] + c);
          const auto w_at = static_cast<int>(weights_at_[static_cast<size_t>(c * taps + tap)]);
          data[kept] = _mm512_i32gather_epi32(_mm512_add_epi32(row, _mm512_set1_epi32(x_at)), rows, 1);
          factors[kept] =
              _mm512_i32gather_epi32(_mm512_add_epi32(column, _mm512_set1_epi32(w_at)), weights, 1);
        }
        const __m512i top = _mm512_slli_epi32(data[kept], static_cast<unsigned>(shift));
        const __m512i stored = is_signed_ ? signed_top(top) : _mm512_srli_epi32(top, 24);
        const __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(stored, zero)), step);
        const __m512i factor = signed_top(_mm512_slli_epi32(factors[kept], static_cast<unsigned>(shift)));
        part = _mm512_fmadd_ps(x, _mm512_mul_ps(_mm512_cvtepi32_ps(factor), scale), part);
        if (--left != 0) continue;
        whole = _mm512_add_ps(part, whole);
        part = _mm512_setzero_ps();
        left = block_;
      }
    }
  _mm512_storeu_ps(sums, _mm512_add_ps(part, whole));
}

float DenseTieSums::add_up_one(const uint8_t* row, const int8_t* column, float scale) const {
  float whole = 0, part = 0;
  const size_t taps = data_at_.size();
  for (int64_t k = 0; k < depth_; ++k) {
    const size_t at = static_cast<size_t>(k);
    const uint8_t stored = row[data_at_[at % taps] + static_cast<int64_t>(at / taps)];
    const int32_t data = is_signed_ ? static_cast<int32_t>(static_cast<int8_t>(stored)) : stored;
    const float x = input_.scale * static_cast<float>(data - input_.zero_point);
    part = __builtin_fmaf(x, scale * static_cast<float>(column[weights_at_[at]]), part);
    if ((k + 1) % block_ != 0) continue;
    whole = part + whole;
    part = 0;
  }
  return part + whole;
}

HWY_POP_ATTRIBUTES

float sum_as_row(const float* products, int64_t depth) {
  float sum = 0;
  for (int64_t k = 0; k < depth;) {
    const int64_t left = depth - k, taken = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    float part = products[k];
    for (int64_t i = 1; i < taken; ++i) part += products[k + i];
    sum = k == 0 ? part : part + sum;
    k += taken;
  }
  return sum;
}

}  // namespace lathe::simd
