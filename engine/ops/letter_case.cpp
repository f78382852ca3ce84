// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/letter_case.h"

#include <locale.h>
#include <span>
#include <wctype.h>

#include "engine/tensor/utf32.h"

namespace lathe {
namespace {

/// The locale that knows Unicode without a language; null where there is none. Lives as long as the process.
locale_t unicode_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

}  // namespace

char32_t to_lower(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
  const locale_t locale = unicode_locale();
  return locale == nullptr ? code : static_cast<char32_t>(towlower_l(static_cast<wint_t>(code), locale));
}

char32_t to_upper(char32_t code) {
  if (code < 0x80) return code >= 'a' && code <= 'z' ? code - ('a' - 'A') : code;
  const locale_t locale = unicode_locale();
  return locale == nullptr ? code : static_cast<char32_t>(towupper_l(static_cast<wint_t>(code), locale));
}

std::string map_letters(const std::string& text, char32_t (*map)(char32_t)) {
  std::u32string codes;
  std::string mapped;
  if (utf8_to_utf32(text, codes)) {
    for (char32_t& code : codes) code = map(code);
    if (utf32_to_utf8(std::as_bytes(std::span(codes)), false, mapped)) return mapped;
  }
  mapped = text;
  for (char& byte : mapped)
    if (static_cast<unsigned char>(byte) < 0x80)
      byte = static_cast<char>(map(static_cast<unsigned char>(byte)));
  return mapped;
}

}  // namespace lathe
