// SPDX-License-Identifier: Apache-2.0
// This file is compiled without contraction: where the model rounds twice, so does it.
#include "engine/kernels/simd/requantize.h"

#include <algorithm>
#include <hwy/base.h>
#include <immintrin.h>

namespace lathe::simd {
namespace {

constexpr int64_t lanes = 16, block_lanes = 32;

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl")

constexpr int to_nearest_even = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

/// What all rows have in common. By value: stores of bytes may be to anything the compiler can see.
struct Constants {
  __m512 first_low, first_high, low, high;
  __m512 between_scale, residual_scale, output_scale;
  __m512 between_steps, residual_steps, residual_offset;  ///< in steps of the output
  __m512i residual_zero, output_zero;

  explicit Constants(const Requantization& how)
      : first_low(_mm512_set1_ps(how.first_low)),
        first_high(_mm512_set1_ps(how.first_high)),
        low(_mm512_set1_ps(how.low)),
        high(_mm512_set1_ps(how.high)),
        between_scale(_mm512_set1_ps(how.operation.between.scale)),
        residual_scale(_mm512_set1_ps(how.operation.residual.scale)),
        residual_zero(_mm512_set1_epi32(how.operation.residual.zero_point)),
        output_zero(_mm512_set1_epi32(how.operation.output.zero_point)) {
    const float step = how.real() ? how.operation.reader.scale : how.operation.output.scale;
    const float residual = how.operation.residual.scale / step;
    output_scale = _mm512_set1_ps(step);
    between_steps = _mm512_set1_ps(how.operation.between.scale / step);
    residual_steps = _mm512_set1_ps(residual);
    residual_offset = _mm512_set1_ps(-residual * static_cast<float>(how.operation.residual.zero_point));
  }
};

/// The same of 16 lanes.
struct LaneParameters {
  __m512 multiplier, offset, near;
  LaneParameters(const Requantization& how, int64_t lane)
      : multiplier(_mm512_loadu_ps(how.multiplier.data() + lane)),
        offset(_mm512_loadu_ps(how.offset.data() + lane)),
        near(_mm512_loadu_ps(how.near.data() + lane)) {}
};

HWY_INLINE __m512 bounded(__m512 value, __m512 low, __m512 high) {
  return _mm512_min_ps(_mm512_max_ps(value, low), high);
}
/// From the nearest whole number.
HWY_INLINE __m512 distance(__m512 steps) {
  return _mm512_reduce_ps(steps, to_nearest_even);
}
HWY_INLINE __mmask16 beyond(__m512 apart, __m512 near) {
  return _mm512_cmp_ps_mask(_mm512_abs_ps(apart), near, _CMP_GT_OQ);
}

struct Finished {
  __m512 value;  ///< steps from the zero point, not yet whole, or real numbers
  __m512 apart;  ///< from the nearest step, at the first rounding
};

/// The sum of a quantised product and a quantised residual, in steps: at first about, and as the model has
/// it, with its roundings, where that might be nearer to another step.
HWY_INLINE __m512 sum_in_steps(const Constants& c, __m512 whole, __m512i stored) {
  const __m512 residual = _mm512_fmadd_ps(_mm512_cvtepi32_ps(stored), c.residual_steps, c.residual_offset);
  const __m512 steps = bounded(_mm512_fmadd_ps(whole, c.between_steps, residual), c.low, c.high);
  constexpr float surely = 0.4995F;
  if (HWY_LIKELY(beyond(distance(steps), _mm512_set1_ps(surely)) == 0)) return steps;
  const __m512 centred = _mm512_cvtepi32_ps(_mm512_sub_epi32(stored, c.residual_zero));
  const __m512 real =
      _mm512_add_ps(_mm512_mul_ps(whole, c.between_scale), _mm512_mul_ps(centred, c.residual_scale));
  return bounded(_mm512_div_ps(real, c.output_scale), c.low, c.high);
}

template <Requantization::Residual kind, bool real>
HWY_INLINE Finished finish(const Constants& c, const LaneParameters& p, __m512i sums, __m512i stored) {
  __m512 steps = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), p.multiplier, p.offset);
  if constexpr (real) {
    // Steps of the quantisation that reads the real numbers; what it cuts off are no ties.
    return {bounded(_mm512_mul_ps(steps, c.output_scale), c.low, c.high),
            distance(bounded(steps, c.first_low, c.first_high))};
  }
  if constexpr (kind == Requantization::Residual::added)
    steps = _mm512_add_ps(_mm512_fmadd_ps(_mm512_cvtepi32_ps(stored), c.residual_steps, c.residual_offset),
                          steps);
  steps = bounded(steps, c.first_low, c.first_high);
  if constexpr (kind == Requantization::Residual::added_to_steps)
    return {sum_in_steps(c, _mm512_roundscale_ps(steps, to_nearest_even), stored), distance(steps)};
  return {steps, distance(steps)};
}

/// Whether one of two vectors may hold a tie: `near` is the lesser of both.
HWY_INLINE bool may_hold_ties(const Finished& a, const Finished& b, __m512 near) {
  constexpr int larger_magnitude = 0b1011;
  return _mm512_cmp_ps_mask(_mm512_range_ps(a.apart, b.apart, larger_magnitude), near, _CMP_GT_OQ) != 0;
}

void note_ties(const Requantization& how, const RequantizeTask& task, int64_t row, int64_t lane,
               uint32_t found, __m512i residual, size_t most, TieList& ties) {
  alignas(64) int32_t stored[lanes];
  _mm512_store_si512(stored, residual);
  for (; found != 0 && ties.count < most; found &= found - 1) {
    const int i = __builtin_ctz(found);
    const auto at = static_cast<size_t>(lane + i);
    if (how.order[at] >= 0)
      ties.stored[ties.count++] = {task.first_row + row, task.pixels[row], static_cast<int32_t>(at),
                                   stored[i]};
  }
}

/// `vectors` times 16 lanes that are channels in order.
template <Requantization::Residual kind, bool real, int vectors>
void requantize_in_order(const Requantization& how, const RequantizeTask& task, TieList& ties) {
  const size_t most = ties.count + TieList::a_block;
  const Constants c(how);
  const bool residual_signed = how.residual_signed;
  const int64_t channels = how.channels, last = (vectors - 1) * lanes,
                left = channels - task.first_lane - last;
  const LaneParameters parameters[2] = {{how, task.first_lane}, {how, task.first_lane + last}};
  const auto tail = static_cast<__mmask16>(left < lanes ? (1U << left) - 1 : 0xFFFF);
  const __mmask16 present[2] = {vectors == 1 ? tail : static_cast<__mmask16>(0xFFFF), tail};
  const __m512 near = _mm512_min_ps(parameters[0].near, parameters[1].near);
  for (int64_t r = 0; r < task.rows; ++r) {
    if (task.pixels[r] < 0) continue;
    const int64_t at = task.pixels[r] * channels + task.first_lane;
    __m512i residual[vectors];
    Finished done[vectors];
    for (int v = 0; v < vectors; ++v) {
      residual[v] = _mm512_setzero_si512();
      if constexpr (kind != Requantization::Residual::none) {
        const __m128i bytes = _mm_maskz_loadu_epi8(present[v], task.residual + at + v * lanes);
        residual[v] = residual_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes);
      }
      const __m512i sums = _mm512_loadu_si512(task.sums + r * block_lanes + v * lanes);
      done[v] = finish<kind, real>(c, parameters[v], sums, residual[v]);
      if constexpr (real)
        _mm512_mask_storeu_ps(task.y + (at + v * lanes) * 4, present[v], done[v].value);
      else
        _mm_mask_storeu_epi8(
            task.y + at + v * lanes, present[v],
            _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(done[v].value), c.output_zero)));
    }
    if (HWY_LIKELY(!may_hold_ties(done[0], done[vectors - 1], near))) continue;
    for (int v = 0; v < vectors; ++v)
      note_ties(how, task, r, task.first_lane + v * lanes,
                beyond(done[v].apart, parameters[v].near) & present[v], residual[v], most, ties);
  }
}

template <Requantization::Residual kind, bool real>
void requantize_columns(const Requantization& how, const RequantizeTask& task, TieList& ties) {
  if (how.channels - task.first_lane > lanes) return requantize_in_order<kind, real, 2>(how, task, ties);
  requantize_in_order<kind, real, 1>(how, task, ties);
}

/// Puts halves of 32 channels, as unpacking leaves them, in order: one half of the result.
HWY_INLINE __m512i ordered(__m512i low, __m512i high, int half) {
  const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  return _mm512_permutex2var_epi32(low, _mm512_add_epi32(first, _mm512_set1_epi32(half * 8)), high);
}

template <bool real>
void requantize_halves(const Requantization& how, const RequantizeTask& task, TieList& ties) {
  const size_t most = ties.count + TieList::a_block;
  const Constants c(how);
  const int64_t lane = task.first_lane, left = std::min(block_lanes, how.channels - lane),
                channels = how.channels;
  const LaneParameters parameters[2] = {{how, lane}, {how, lane + lanes}};
  const auto present = static_cast<__mmask32>((uint64_t{1} << left) - 1);
  const __m512 near = _mm512_min_ps(parameters[0].near, parameters[1].near);
  const __m512i nothing = _mm512_setzero_si512();
  for (int64_t r = 0; r < task.rows; ++r) {
    Finished done[2];
    for (int half = 0; half < 2; ++half)
      done[half] = finish<Requantization::Residual::none, real>(
          c, parameters[half], _mm512_loadu_si512(task.sums + r * block_lanes + half * lanes), nothing);
    const int64_t at = task.pixels[r] * channels + lane;
    if constexpr (real) {
      const __m512i low = _mm512_castps_si512(done[0].value), high = _mm512_castps_si512(done[1].value);
      _mm512_mask_storeu_epi32(task.y + at * 4, static_cast<__mmask16>(present), ordered(low, high, 0));
      _mm512_mask_storeu_epi32(task.y + (at + lanes) * 4, static_cast<__mmask16>(present >> lanes),
                               ordered(low, high, 1));
    } else {
      const __m512i low = _mm512_add_epi32(_mm512_cvtps_epi32(done[0].value), c.output_zero),
                    high = _mm512_add_epi32(_mm512_cvtps_epi32(done[1].value), c.output_zero);
      _mm256_mask_storeu_epi8(task.y + at, present, _mm512_cvtepi16_epi8(_mm512_packs_epi32(low, high)));
    }
    if (HWY_LIKELY(!may_hold_ties(done[0], done[1], near))) continue;
    for (int half = 0; half < 2; ++half)
      note_ties(how, task, r, lane + half * lanes, beyond(done[half].apart, parameters[half].near), nothing,
                most, ties);
  }
}

HWY_POP_ATTRIBUTES

}  // namespace

void requantize(const Requantization& how, const RequantizeTask& task, TieList& ties) {
  using Residual = Requantization::Residual;
  if (how.real()) return requantize_columns<Residual::none, true>(how, task, ties);
  if (how.residual == Residual::added) return requantize_columns<Residual::added, false>(how, task, ties);
  if (how.residual == Residual::added_to_steps)
    return requantize_columns<Residual::added_to_steps, false>(how, task, ties);
  requantize_columns<Residual::none, false>(how, task, ties);
}

void requantize_unpacked(const Requantization& how, const RequantizeTask& task, TieList& ties) {
  return how.real() ? requantize_halves<true>(how, task, ties) : requantize_halves<false>(how, task, ties);
}

}  // namespace lathe::simd
