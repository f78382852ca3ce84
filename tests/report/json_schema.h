// SPDX-License-Identifier: Apache-2.0
// The part of JSON Schema (draft 2020-12) that resources/schemas uses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lathe {

/// What in `document` contradicts `schema`, a line each: "/modules/3/status: is not one of ...". A keyword
/// that is not understood is one too. `closed`: an object must have no key that its schema does not name.
std::vector<std::string> schema_errors(const nlohmann::json& schema, const nlohmann::json& document,
                                       bool closed);

}  // namespace lathe
