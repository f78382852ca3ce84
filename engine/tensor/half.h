// SPDX-License-Identifier: Apache-2.0
// IEEE binary16 and bfloat16 storage with conversions that round to nearest even. Arithmetic is done in
// float.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace lathe {

/// IEEE 754 binary16 bits of `value`, round to nearest even, overflow to infinity, NaN kept quiet.
inline uint16_t f32_to_f16_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to infinity
  if (magnitude < 0x38800000u) {                                               // subnormal or zero
    const float scaled =
        std::bit_cast<float>(magnitude) + 0.5f;  // adds 2^-1: shifts the result into the mantissa
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(scaled) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | (rounded >> 13));
}
inline float f16_bits_to_f32(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  if (magnitude < 0x400u)
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f));
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
}
inline uint16_t f32_to_bf16_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float bf16_bits_to_f32(uint16_t half) {
  return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

struct F16 {
  uint16_t bits = 0;
  F16() = default;
  explicit F16(float value) : bits(f32_to_f16_bits(value)) {}
  explicit F16(double value) : F16(static_cast<float>(value)) {}
  template <class I>
    requires std::is_integral_v<I>
  explicit F16(I value) : F16(static_cast<float>(value)) {}
  operator float() const { return f16_bits_to_f32(bits); }
};

struct BF16 {
  uint16_t bits = 0;
  BF16() = default;
  explicit BF16(float value) : bits(f32_to_bf16_bits(value)) {}
  explicit BF16(double value) : BF16(static_cast<float>(value)) {}
  template <class I>
    requires std::is_integral_v<I>
  explicit BF16(I value) : BF16(static_cast<float>(value)) {}
  operator float() const { return bf16_bits_to_f32(bits); }
};

}  // namespace lathe
