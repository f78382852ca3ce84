// SPDX-License-Identifier: Apache-2.0
// Conversions of the 8- and 4-bit floats and the 4- and 2-bit integers.
#pragma once

#include "engine/tensor/element_type.h"

namespace lathe {

/// Exact.
float to_f32(F8E4M3FN value);
float to_f32(F8E4M3FNUZ value);
float to_f32(F8E5M2 value);
float to_f32(F8E5M2FNUZ value);
float to_f32(F8E8M0 value);
float to_f32(F4E2M1 value);

/// Round to nearest even. What is too large, infinity included, becomes the largest number when `saturate`,
/// else infinity, or NaN where the type has none. F4E2M1 has neither: it always saturates, and NaN becomes
/// -0.
template <class T>
T to_low_precision(double value, bool saturate);
extern template F8E4M3FN to_low_precision<F8E4M3FN>(double, bool);
extern template F8E4M3FNUZ to_low_precision<F8E4M3FNUZ>(double, bool);
extern template F8E5M2 to_low_precision<F8E5M2>(double, bool);
extern template F8E5M2FNUZ to_low_precision<F8E5M2FNUZ>(double, bool);
extern template F4E2M1 to_low_precision<F4E2M1>(double, bool);

/// Which power of two a scale that is none becomes.
enum class ScaleRounding { nearest, up, down };
/// The sign is lost, infinity and NaN become NaN, and so does what rounds to 2^128 unless `saturate`.
F8E8M0 to_scale(float value, ScaleRounding rounding, bool saturate);

/// Calls visitor(T{}) for the types of this file that are floats; false for others.
template <class Visitor>
bool visit_low_precision(ElementType type, Visitor&& visitor) {
  return visit_type<F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F4E2M1>(type, visitor);
}
/// The 4- and 2-bit integers.
template <class Visitor>
bool visit_small_integer(ElementType type, Visitor&& visitor) {
  return visit_type<U4, I4, U2, I2>(type, visitor);
}

/// The low bits of `value` as a 4- or 2-bit integer.
template <class T>
T wrap_small_integer(int64_t value) {
  constexpr int bits = element_type_of<T> == ElementType::u4 || element_type_of<T> == ElementType::i4 ? 4 : 2;
  const auto low = static_cast<unsigned>(value) & ((1U << bits) - 1);
  constexpr bool is_signed = element_type_of<T> == ElementType::i4 || element_type_of<T> == ElementType::i2;
  const int number = static_cast<int>(low) - (is_signed && (low >> (bits - 1)) != 0 ? 1 << bits : 0);
  return T{static_cast<decltype(T::value)>(number)};
}

/// A double as a float that a second rounding, to at most 22 bits, turns into what one rounding would have
/// given: where inexact, the neighbour with the odd last bit (round to odd).
float to_f32_odd(double value);
float to_f32_odd(int64_t value);
float to_f32_odd(uint64_t value);

}  // namespace lathe
