// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/utf32.h"

#include <cstdint>

namespace lathe {
namespace {

bool is_scalar(char32_t code) {
  return code < 0x110000 && (code < 0xd800 || code > 0xdfff);
}

void append_utf8(char32_t code, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

bool utf8_to_utf32(std::string_view text, std::u32string& out) {
  constexpr char32_t lowest[] = {0, 0x80, 0x800,
                                 0x10000};  // by number of bytes that follow: no overlong forms
  out.clear();
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i++]);
    const size_t following = first < 0x80         ? 0
                             : first >> 5 == 0x6  ? 1
                             : first >> 4 == 0xe  ? 2
                             : first >> 3 == 0x1e ? 3
                                                  : 4;
    if (following == 4 || text.size() - i < following) return false;
    char32_t code = following == 0 ? first : first & (0x3f >> following);
    for (size_t k = 0; k < following; ++k, ++i) {
      const auto next = static_cast<uint8_t>(text[i]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3f);
    }
    if (code < lowest[following] || !is_scalar(code)) return false;
    out += code;
  }
  return true;
}

bool utf32_to_utf8(std::span<const std::byte> item, bool big_endian, std::string& out) {
  out.clear();
  size_t length = item.size() / 4;
  const auto code_at = [&](size_t i) {
    char32_t code = 0;
    for (size_t k = 0; k < 4; ++k)
      code = code << 8 | std::to_integer<char32_t>(item[i * 4 + (big_endian ? k : 3 - k)]);
    return code;
  };
  while (length > 0 && code_at(length - 1) == 0) --length;
  for (size_t i = 0; i < length; ++i) {
    if (!is_scalar(code_at(i))) return false;
    append_utf8(code_at(i), out);
  }
  return true;
}

}  // namespace lathe
