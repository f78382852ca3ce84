// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/low_precision.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lathe {
namespace {

/// How a small float type lays out its bits. A magnitude is an exponent field above `mantissa` bits; the sign
/// is above both.
struct Format {
  int mantissa;          ///< bits
  int bias;              ///< of the exponent field
  int bits;              ///< in all, sign included
  uint8_t largest;       ///< magnitude of the largest number
  uint8_t infinity = 0;  ///< its magnitude; 0: the type has none
  uint8_t nan = 0;       ///< a NaN; 0: the type has none
  bool signed_zero = true;
};

template <class T>
constexpr Format format_of = {};
template <>
constexpr Format format_of<F8E4M3FN> = {3, 7, 8, 0x7E, 0, 0x7F};
template <>
constexpr Format format_of<F8E4M3FNUZ> = {3, 8, 8, 0x7F, 0, 0x80, false};
template <>
constexpr Format format_of<F8E5M2> = {2, 15, 8, 0x7B, 0x7C, 0x7E};
template <>
constexpr Format format_of<F8E5M2FNUZ> = {2, 16, 8, 0x7F, 0, 0x80, false};
template <>
constexpr Format format_of<F4E2M1> = {1, 1, 4, 0x07};

float decode(const Format& format, uint8_t bits) {
  const unsigned sign_bit = 1U << (format.bits - 1);
  const unsigned magnitude = bits & (sign_bit - 1);
  const bool negative = (bits & sign_bit) != 0;
  if (!format.signed_zero && bits == format.nan) return std::bit_cast<float>(0x7FC00000U);
  if (magnitude > format.largest)
    return magnitude == format.infinity ? std::bit_cast<float>(negative ? 0xFF800000U : 0x7F800000U)
                                        : std::bit_cast<float>(negative ? 0xFFC00000U : 0x7FC00000U);
  const unsigned field = magnitude >> format.mantissa;
  const unsigned fraction = magnitude & ((1U << format.mantissa) - 1);
  // Every number, subnormal ones too, is a normal f32.
  const auto power = [](int exponent) {
    return std::bit_cast<float>(static_cast<uint32_t>(exponent + 127) << 23);
  };
  const float value = field == 0 ? static_cast<float>(fraction) * power(1 - format.bias - format.mantissa)
                                 : static_cast<float>(fraction + (1U << format.mantissa)) *
                                       power(static_cast<int>(field) - format.bias - format.mantissa);
  return negative ? -value : value;
}

uint8_t encode(const Format& format, double value, bool saturate) {
  const unsigned sign = std::signbit(value) ? 1U << (format.bits - 1) : 0;
  if (std::isnan(value))
    return static_cast<uint8_t>(format.nan == 0      ? 1U << (format.bits - 1)
                                : format.signed_zero ? sign | format.nan
                                                     : format.nan);
  const int lowest = 1 - format.bias;
  unsigned magnitude = format.largest + 1U;
  const double absolute = std::fabs(value);
  if (absolute < 0x1p20) {
    const int exponent = absolute == 0 ? lowest : std::max(std::ilogb(absolute), lowest);
    const auto steps =
        static_cast<unsigned>(std::nearbyint(std::ldexp(absolute, format.mantissa - exponent)));
    // The leading one of `steps` adds the first to the exponent field, and a carry the next.
    magnitude = (static_cast<unsigned>(exponent - lowest) << format.mantissa) + steps;
  }
  if (magnitude > format.largest) {
    if (saturate || format.nan == 0)
      magnitude = format.largest;
    else if (format.infinity != 0)
      magnitude = format.infinity;
    else
      return static_cast<uint8_t>(format.signed_zero ? sign | format.nan : format.nan);
  }
  return static_cast<uint8_t>(magnitude == 0 && !format.signed_zero ? 0 : sign | magnitude);
}

template <class W>
float round_to_odd(W value) {
  const auto nearest = static_cast<float>(value);
  if (std::isnan(nearest)) return nearest;
  // Holds all of W's values and f32's.
  const auto exact = static_cast<long double>(value), rounded = static_cast<long double>(nearest);
  if (exact == rounded) return nearest;
  auto bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(rounded) > std::fabs(exact)) --bits;
  return std::bit_cast<float>(bits | 1U);
}

}  // namespace

float to_f32(F8E4M3FN value) {
  return decode(format_of<F8E4M3FN>, value.bits);
}
float to_f32(F8E4M3FNUZ value) {
  return decode(format_of<F8E4M3FNUZ>, value.bits);
}
float to_f32(F8E5M2 value) {
  return decode(format_of<F8E5M2>, value.bits);
}
float to_f32(F8E5M2FNUZ value) {
  return decode(format_of<F8E5M2FNUZ>, value.bits);
}
float to_f32(F4E2M1 value) {
  return decode(format_of<F4E2M1>, value.bits);
}
float to_f32(F8E8M0 value) {
  // 2^-127 is a subnormal f32.
  if (value.bits == 0) return 0x1p-127F;
  return std::bit_cast<float>(value.bits == 0xFF ? 0x7FC00000U : static_cast<uint32_t>(value.bits) << 23);
}

template <class T>
T to_low_precision(double value, bool saturate) {
  return T{encode(format_of<T>, value, saturate)};
}
template F8E4M3FN to_low_precision<F8E4M3FN>(double, bool);
template F8E4M3FNUZ to_low_precision<F8E4M3FNUZ>(double, bool);
template F8E5M2 to_low_precision<F8E5M2>(double, bool);
template F8E5M2FNUZ to_low_precision<F8E5M2FNUZ>(double, bool);
template F4E2M1 to_low_precision<F4E2M1>(double, bool);

F8E8M0 to_scale(float value, ScaleRounding rounding, bool saturate) {
  const auto bits = std::bit_cast<uint32_t>(value) & 0x7FFFFFFFU;
  const uint32_t exponent = bits >> 23, fraction = bits & 0x7FFFFFU;
  if (exponent == 0xFF) return {0xFF};
  bool up = false;
  if (rounding == ScaleRounding::up) up = fraction != 0;
  // Halfway goes up, but from subnormal numbers down.
  if (rounding == ScaleRounding::nearest)
    up = fraction > 0x400000U || (fraction == 0x400000U && exponent > 0);
  if (exponent == 0xFE && saturate) up = false;
  return {static_cast<uint8_t>(exponent + (up ? 1 : 0))};
}

float to_f32_odd(double value) {
  return round_to_odd(value);
}
float to_f32_odd(int64_t value) {
  return round_to_odd(value);
}
float to_f32_odd(uint64_t value) {
  return round_to_odd(value);
}

}  // namespace lathe
