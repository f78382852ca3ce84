// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/depthwise_taps.h"

#include <algorithm>
#include <hwy/base.h>
#include <immintrin.h>

namespace lathe::simd {
namespace {

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512vnni")

template <bool is_signed, bool full>
HWY_INLINE __m512i load_tap(const TapTask& task, const uint8_t* from) {
  const auto* whole = reinterpret_cast<const __m256i*>(from);
  const __m256i bytes = full ? _mm256_loadu_si256(whole) : _mm256_maskz_loadu_epi8(task.present, from);
  return is_signed ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes);
}

template <bool is_signed, bool full, int pixels>
void multiply_pixels(const TapTask& task, int64_t first, int32_t* sums) {
  __m512i low[pixels], high[pixels];
  for (int p = 0; p < pixels; ++p) {
    low[p] = _mm512_loadu_si512(task.start);
    high[p] = _mm512_loadu_si512(task.start + tap_channels / 2);
  }
  const int16_t* weights = task.weights;
  for (int64_t tap = 0; tap < task.taps; tap += 2, weights += 2 * tap_channels) {
    const __m512i w_low = _mm512_load_si512(weights), w_high = _mm512_load_si512(weights + tap_channels);
    // The second's weight is 0 where there is none.
    const Place &a = task.places[tap], &b = task.places[std::min(tap + 1, task.taps - 1)];
    const uint8_t *from_a = a.first + first * a.step + task.channel,
                  *from_b = b.first + first * b.step + task.channel;
    for (int p = 0; p < pixels; ++p, from_a += a.step, from_b += b.step) {
      const __m512i x = load_tap<is_signed, full>(task, from_a), y = load_tap<is_signed, full>(task, from_b);
      low[p] = _mm512_dpwssd_epi32(low[p], _mm512_unpacklo_epi16(x, y), w_low);
      high[p] = _mm512_dpwssd_epi32(high[p], _mm512_unpackhi_epi16(x, y), w_high);
    }
  }
  for (int p = 0; p < pixels; ++p) {
    _mm512_storeu_si512(sums + (first + p) * tap_channels, low[p]);
    _mm512_storeu_si512(sums + (first + p) * tap_channels + tap_channels / 2, high[p]);
  }
}

template <bool is_signed, bool full>
void multiply_all(const TapTask& task, int32_t* sums) {
  int64_t p = 0;
  for (; p + 4 <= task.pixels; p += 4) multiply_pixels<is_signed, full, 4>(task, p, sums);
  for (; p < task.pixels; ++p) multiply_pixels<is_signed, full, 1>(task, p, sums);
}

}  // namespace

void multiply_taps(bool is_signed, const TapTask& task, int32_t* sums) {
  const bool full = task.present == 0xFFFFFFFF;
  if (is_signed) return full ? multiply_all<true, true>(task, sums) : multiply_all<true, false>(task, sums);
  full ? multiply_all<false, true>(task, sums) : multiply_all<false, false>(task, sums);
}

HWY_POP_ATTRIBUTES

std::vector<int32_t> unpacked_order(int64_t channels) {
  std::vector<int32_t> order;
  for (int64_t group = 0; group < channels; group += tap_channels)
    for (int64_t lane = 0; lane < tap_channels; ++lane) {
      const int64_t half = lane / 16, channel = group + lane % 16 / 4 * 8 + half * 4 + lane % 4;
      order.push_back(channel < channels ? static_cast<int32_t>(channel) : -1);
    }
  return order;
}

Result<Buffer> pack_pairs(const int8_t* weights, std::span<const int32_t> order, int64_t taps) {
  const int64_t pairs = (taps + 1) / 2, groups = static_cast<int64_t>(order.size()) / tap_channels;
  const int64_t count = groups * pairs * tap_channels * 2;
  LATHE_ASSIGN(Buffer made, Buffer::allocate_lasting(static_cast<size_t>(count) * sizeof(int16_t)));
  auto* to = reinterpret_cast<int16_t*>(made.mutable_data());
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t pair = 0; pair < pairs; ++pair)
      for (int64_t lane = 0; lane < tap_channels; ++lane)
        for (int64_t tap = 2 * pair; tap < 2 * pair + 2; ++tap) {
          const int32_t channel = order[static_cast<size_t>(group * tap_channels + lane)];
          *to++ = channel < 0 || tap >= taps ? int16_t{0} : weights[channel * taps + tap];
        }
  return made;
}

}  // namespace lathe::simd
