// SPDX-License-Identifier: Apache-2.0
// A graph as text, for people and for comparing with golden files.
#pragma once

#include <string>

#include "engine/graph/graph.h"

namespace lathe {

/// Inputs, one line per node in file order ("out: f32[1x8] = Conv(x, w) {group=1}"), outputs; sub-graphs
/// indented under their node. Depends on names, operators, attributes and types only, not on ids. Small
/// constants are spelt out.
std::string to_text(const Graph& graph);

}  // namespace lathe
