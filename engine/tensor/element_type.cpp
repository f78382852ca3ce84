// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/element_type.h"

#include <array>

namespace lathe {
namespace {

enum class Family : uint8_t { other, floating, signed_integer, unsigned_integer };

struct TypeRow {
  const char* name;
  const char* onnx;
  const char* numpy;
  uint8_t size;
  uint8_t bits;
  Family family;
};

// Indexed by the enumerator, which is ONNX's number.
constexpr std::array<TypeRow, 27> rows = {{
    {"undefined", "UNDEFINED", "", 0, 0, Family::other},
    {"f32", "FLOAT", "float32", 4, 32, Family::floating},
    {"u8", "UINT8", "uint8", 1, 8, Family::unsigned_integer},
    {"i8", "INT8", "int8", 1, 8, Family::signed_integer},
    {"u16", "UINT16", "uint16", 2, 16, Family::unsigned_integer},
    {"i16", "INT16", "int16", 2, 16, Family::signed_integer},
    {"i32", "INT32", "int32", 4, 32, Family::signed_integer},
    {"i64", "INT64", "int64", 8, 64, Family::signed_integer},
    {"string", "STRING", "str", 0, 0, Family::other},
    {"bool", "BOOL", "bool", 1, 8, Family::other},
    {"f16", "FLOAT16", "float16", 2, 16, Family::floating},
    {"f64", "DOUBLE", "float64", 8, 64, Family::floating},
    {"u32", "UINT32", "uint32", 4, 32, Family::unsigned_integer},
    {"u64", "UINT64", "uint64", 8, 64, Family::unsigned_integer},
    {"complex64", "COMPLEX64", "complex64", 8, 64, Family::other},
    {"complex128", "COMPLEX128", "complex128", 16, 128, Family::other},
    {"bf16", "BFLOAT16", "bfloat16", 2, 16, Family::floating},
    {"f8e4m3fn", "FLOAT8E4M3FN", "float8_e4m3fn", 1, 8, Family::floating},
    {"f8e4m3fnuz", "FLOAT8E4M3FNUZ", "float8_e4m3fnuz", 1, 8, Family::floating},
    {"f8e5m2", "FLOAT8E5M2", "float8_e5m2", 1, 8, Family::floating},
    {"f8e5m2fnuz", "FLOAT8E5M2FNUZ", "float8_e5m2fnuz", 1, 8, Family::floating},
    {"u4", "UINT4", "uint4", 1, 4, Family::unsigned_integer},
    {"i4", "INT4", "int4", 1, 4, Family::signed_integer},
    {"f4e2m1", "FLOAT4E2M1", "float4_e2m1fn", 1, 4, Family::floating},
    {"f8e8m0", "FLOAT8E8M0", "float8_e8m0fnu", 1, 8, Family::floating},
    {"u2", "UINT2", "uint2", 1, 2, Family::unsigned_integer},
    {"i2", "INT2", "int2", 1, 2, Family::signed_integer},
}};

const TypeRow& row(ElementType type) {
  return rows[static_cast<size_t>(type) < rows.size() ? static_cast<size_t>(type) : 0];
}

}  // namespace

const char* to_string(ElementType type) {
  return row(type).name;
}
const char* onnx_name(ElementType type) {
  return row(type).onnx;
}
size_t element_size(ElementType type) {
  return row(type).size;
}
int element_bits(ElementType type) {
  return row(type).bits;
}
bool is_float(ElementType type) {
  return row(type).family == Family::floating;
}
bool is_signed_integer(ElementType type) {
  return row(type).family == Family::signed_integer;
}
bool is_integer(ElementType type) {
  return row(type).family == Family::signed_integer || row(type).family == Family::unsigned_integer;
}

std::optional<ElementType> parse_element_type(std::string_view name) {
  for (size_t i = 1; i < rows.size(); ++i)
    if (name == rows[i].name || name == rows[i].numpy || name == rows[i].onnx)
      return static_cast<ElementType>(i);
  return std::nullopt;
}

std::optional<ElementType> element_type_from_onnx(int number) {
  if (number <= 0 || number >= static_cast<int>(rows.size())) return std::nullopt;
  return static_cast<ElementType>(number);
}

}  // namespace lathe
