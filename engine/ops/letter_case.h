// SPDX-License-Identifier: Apache-2.0
// Upper and lower case of Unicode code points, whatever locale the process runs in.
#pragma once

#include <string>

namespace lathe {

/// Simple (one to one) case mapping. Where the system has no UTF-8 locale, of ASCII letters only.
char32_t to_lower(char32_t code);
char32_t to_upper(char32_t code);

/// UTF-8 text mapped letter by letter; text that is not UTF-8 has its ASCII letters mapped.
std::string map_letters(const std::string& text, char32_t (*map)(char32_t));

}  // namespace lathe
