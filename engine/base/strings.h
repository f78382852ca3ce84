// SPDX-License-Identifier: Apache-2.0
// Small text helpers.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
/// The candidate with the smallest edit distance to `name` (ties: the first), for "did you mean"; empty when
/// there is none that is at least half alike.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);
/// Whole text as a number: no sign loss, no trailing characters, no overflow.
bool parse_int(std::string_view text, int64_t& out);

}  // namespace lathe
