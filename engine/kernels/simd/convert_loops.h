// SPDX-License-Identifier: Apache-2.0
// Loops between f32 and narrower types, compiled per instruction set. f16 and bf16 are handed over as their
// bits.
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

/// To nearest even; f16 overflows to infinity.
void narrow_to_f16(const float* from, uint16_t* to, size_t count);
void narrow_to_bf16(const float* from, uint16_t* to, size_t count);
void widen_f16(const uint16_t* from, float* to, size_t count);
void widen_bf16(const uint16_t* from, float* to, size_t count);

}  // namespace lathe::simd
