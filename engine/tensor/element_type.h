// SPDX-License-Identifier: Apache-2.0
// Element types of tensors, numbered as in ONNX's TensorProto.DataType, and their C++ storage.
#pragma once

#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/tensor/half.h"

namespace lathe {

enum class ElementType : uint8_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  complex64 = 14,
  complex128 = 15,
  bf16 = 16,
  f8e4m3fn = 17,
  f8e4m3fnuz = 18,
  f8e5m2 = 19,
  f8e5m2fnuz = 20,
  u4 = 21,
  i4 = 22,
  f4e2m1 = 23,
  f8e8m0 = 24,
  u2 = 25,
  i2 = 26,
};

/// Short name as shown to people: "f32", "i64", "bf16", "string".
const char* to_string(ElementType type);
/// ONNX's spelling: "FLOAT", "INT64".
const char* onnx_name(ElementType type);
/// The reverse of to_string and, too, of numpy-like names ("float32", "int8").
std::optional<ElementType> parse_element_type(std::string_view name);
/// ONNX's number, if this build knows it.
std::optional<ElementType> element_type_from_onnx(int number);

/// Bytes one element takes in a Tensor. 4- and 2-bit types are kept one element a byte (packed only in
/// files); strings 0 (they live outside the buffer).
size_t element_size(ElementType type);
/// Bits one element takes in a file or on a device.
int element_bits(ElementType type);

bool is_float(ElementType type);    ///< f16, bf16, f32, f64, float8s and float4
bool is_integer(ElementType type);  ///< signed and unsigned integers of any width, not bool
bool is_signed_integer(ElementType type);

// Storage wrappers for types that C++ does not have. Each holds the raw bits; 4- and 2-bit ones in the low
// bits.
struct F8E4M3FN {
  uint8_t bits = 0;
};
struct F8E4M3FNUZ {
  uint8_t bits = 0;
};
struct F8E5M2 {
  uint8_t bits = 0;
};
struct F8E5M2FNUZ {
  uint8_t bits = 0;
};
struct F8E8M0 {
  uint8_t bits = 0;
};
struct F4E2M1 {
  uint8_t bits = 0;
};
struct U4 {
  uint8_t value = 0;
};
struct I4 {
  int8_t value = 0;
};
struct U2 {
  uint8_t value = 0;
};
struct I2 {
  int8_t value = 0;
};

/// C++ type -> ElementType, e.g. element_type_of<float> == ElementType::f32.
template <class T>
inline constexpr ElementType element_type_of = ElementType::undefined;
template <>
inline constexpr ElementType element_type_of<float> = ElementType::f32;
template <>
inline constexpr ElementType element_type_of<double> = ElementType::f64;
template <>
inline constexpr ElementType element_type_of<F16> = ElementType::f16;
template <>
inline constexpr ElementType element_type_of<BF16> = ElementType::bf16;
template <>
inline constexpr ElementType element_type_of<uint8_t> = ElementType::u8;
template <>
inline constexpr ElementType element_type_of<int8_t> = ElementType::i8;
template <>
inline constexpr ElementType element_type_of<uint16_t> = ElementType::u16;
template <>
inline constexpr ElementType element_type_of<int16_t> = ElementType::i16;
template <>
inline constexpr ElementType element_type_of<uint32_t> = ElementType::u32;
template <>
inline constexpr ElementType element_type_of<int32_t> = ElementType::i32;
template <>
inline constexpr ElementType element_type_of<uint64_t> = ElementType::u64;
template <>
inline constexpr ElementType element_type_of<int64_t> = ElementType::i64;
template <>
inline constexpr ElementType element_type_of<bool> = ElementType::boolean;
template <>
inline constexpr ElementType element_type_of<std::string> = ElementType::string;
template <>
inline constexpr ElementType element_type_of<std::complex<float>> = ElementType::complex64;
template <>
inline constexpr ElementType element_type_of<std::complex<double>> = ElementType::complex128;
template <>
inline constexpr ElementType element_type_of<F8E4M3FN> = ElementType::f8e4m3fn;
template <>
inline constexpr ElementType element_type_of<F8E4M3FNUZ> = ElementType::f8e4m3fnuz;
template <>
inline constexpr ElementType element_type_of<F8E5M2> = ElementType::f8e5m2;
template <>
inline constexpr ElementType element_type_of<F8E5M2FNUZ> = ElementType::f8e5m2fnuz;
template <>
inline constexpr ElementType element_type_of<F8E8M0> = ElementType::f8e8m0;
template <>
inline constexpr ElementType element_type_of<F4E2M1> = ElementType::f4e2m1;
template <>
inline constexpr ElementType element_type_of<U4> = ElementType::u4;
template <>
inline constexpr ElementType element_type_of<I4> = ElementType::i4;
template <>
inline constexpr ElementType element_type_of<U2> = ElementType::u2;
template <>
inline constexpr ElementType element_type_of<I2> = ElementType::i2;

/// Calls visitor(T{}) with the C++ type of `type` when it is one of the listed; returns false otherwise.
template <class... Ts, class Visitor>
bool visit_type(ElementType type, Visitor&& visitor) {
  return ((type == element_type_of<Ts> ? (visitor(Ts{}), true) : false) || ...);
}
/// All types with ordinary arithmetic: f16, bf16, f32, f64 and the 8..64 bit integers.
template <class Visitor>
bool visit_numeric(ElementType type, Visitor&& visitor) {
  return visit_type<float, int64_t, int32_t, double, F16, BF16, uint8_t, int8_t, uint16_t, int16_t, uint32_t,
                    uint64_t>(type, visitor);
}
template <class Visitor>
bool visit_float(ElementType type, Visitor&& visitor) {
  return visit_type<float, double, F16, BF16>(type, visitor);
}

}  // namespace lathe
