// SPDX-License-Identifier: Apache-2.0
// How the constant weights of a module's products are stored, while everything is computed in fp32.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

enum class WeightForm : uint8_t {
  full,  ///< as they are
  int8,  ///< one scale per output channel, symmetric
  int4,  ///< a scale and a zero point for every block of consecutive weights of one output channel
};
const char* to_string(WeightForm form);  ///< "fp32", "int8", "int4"
/// int8 or int4; the other form is what nobody asks for.
std::optional<WeightForm> parse_weight_form(std::string_view name);
const std::vector<std::string>& weight_form_names();

inline constexpr int64_t default_block_size = 32;
/// 16, 32, 64, 128 or 256.
bool is_block_size(int64_t size);

}  // namespace lathe
