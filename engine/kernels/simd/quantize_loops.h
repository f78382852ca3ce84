// SPDX-License-Identifier: Apache-2.0
// Loops between f32 and 8-bit integers, compiled per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::simd {

/// to = saturate(round_half_even(from / scale) + zero_point); NaN becomes the zero point.
void quantize(const float* from, float scale, int32_t zero_point, uint8_t* to, size_t count);
void quantize(const float* from, float scale, int32_t zero_point, int8_t* to, size_t count);
/// to = scale * (from - zero_point)
void dequantize(const uint8_t* from, float scale, int32_t zero_point, float* to, size_t count);
void dequantize(const int8_t* from, float scale, int32_t zero_point, float* to, size_t count);

}  // namespace lathe::simd
