// SPDX-License-Identifier: Apache-2.0
// Between UTF-8 and the fixed-width UTF-32 of NumPy's text arrays. Internal to tensor.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

/// False where `text` is not UTF-8.
bool utf8_to_utf32(std::string_view text, std::u32string& out);
/// `item` is padded with zeros at the end. False where a code point is out of range.
bool utf32_to_utf8(std::span<const std::byte> item, bool big_endian, std::string& out);

}  // namespace lathe
