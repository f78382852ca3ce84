// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/weight_form.h"

#include <bit>

namespace lathe {

const char* to_string(WeightForm form) {
  switch (form) {
    case WeightForm::full:
      return "fp32";
    case WeightForm::int8:
      return "int8";
    case WeightForm::int4:
      return "int4";
  }
  return "";
}

std::optional<WeightForm> parse_weight_form(std::string_view name) {
  for (const WeightForm form : {WeightForm::int8, WeightForm::int4})
    if (name == to_string(form)) return form;
  return std::nullopt;
}

const std::vector<std::string>& weight_form_names() {
  static const std::vector<std::string> names = {"int8", "int4"};
  return names;
}

bool is_block_size(int64_t size) {
  return size >= 16 && size <= 256 && std::has_single_bit(static_cast<uint64_t>(size));
}

}  // namespace lathe
