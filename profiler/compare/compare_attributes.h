// SPDX-License-Identifier: Apache-2.0
// Attributes of two nodes. Internal to compare.
#pragma once

#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace lathe {

/// A line per attribute that is not the same in both; a Constant's tensor is left to the comparison of
/// weights.
std::vector<std::string> attribute_changes(const Node& a, const Node& b);

}  // namespace lathe
