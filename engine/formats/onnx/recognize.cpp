// SPDX-License-Identifier: Apache-2.0
#include "engine/formats/onnx/recognize.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace lathe {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_text(std::string_view start) {
  return std::all_of(start.begin(), start.end(),
                     [](unsigned char c) { return std::isprint(c) || std::isspace(c) || c >= 0x80; });
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    if (!out.empty()) out += ' ';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

Error not_onnx(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  const std::string_view start = text.substr(0, 12);
  if (is_text(text.substr(0, 64))) {
    std::string line(text.substr(0, std::min<size_t>(text.find_first_of("\r\n"), 32)));
    return bad_input("", "is not an ONNX model but text (starts with \"" + line + "\")");
  }
  return bad_input("", "is not an ONNX model (starts with bytes " + hex(start) + ")");
}

}  // namespace lathe
