// SPDX-License-Identifier: Apache-2.0
// How int8 was made, for report.json.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/convert/convert.h"

namespace lathe {

/// Null where int8 was not asked for.
nlohmann::ordered_json quantization_json(const Conversion& conversion);

}  // namespace lathe
