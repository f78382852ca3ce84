// SPDX-License-Identifier: Apache-2.0
// Sums of depthwise 8-bit convolutions: 32 channels a vector of 16-bit numbers, two taps a product (AVX-512
// VNNI).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/buffer.h"

namespace lathe::simd {

/// Channels of one sum.
constexpr int64_t tap_channels = 32;

/// Where one tap's first channel lies for the first of some pixels, and how far it is to the next one's.
struct Place {
  const uint8_t* first;
  int64_t step;
};

/// Output pixels of one line, and where their taps lie.
struct TapTask {
  const Place* places = nullptr;     ///< [taps]
  const int16_t* weights = nullptr;  ///< [pairs][low, high half][16][2]
  const int32_t* start = nullptr;    ///< what sums begin with, by lane
  int64_t pixels = 0, taps = 0, channel = 0;
  uint32_t present = 0;  ///< a bit for each of the 32 channels
};

/// sums[pixels][32] of the stored integers, by lane.
void multiply_taps(bool is_signed, const TapTask& task, int32_t* sums);

/// The channel in each lane once halves of 8-channel groups are unpacked: 0-3, 8-11, 16-19, 24-27, then the
/// rest; -1 beyond the last.
std::vector<int32_t> unpacked_order(int64_t channels);
/// `weights` [channels][taps] as tasks want them: [groups of 32 channels][pairs][low, high half][16][2].
Result<Buffer> pack_pairs(const int8_t* weights, std::span<const int32_t> order, int64_t taps);

}  // namespace lathe::simd
