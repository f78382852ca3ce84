// SPDX-License-Identifier: Apache-2.0
// Structural consistency of a graph: what every import and every pass must leave behind.
#pragma once

#include "engine/graph/graph.h"

namespace lathe {

/// Findings of severity error for links, names, single assignment, cycles and captures that do not hold;
/// sub-graphs included. Empty when the graph is sound. Never changes or trusts the graph: broken ids are
/// reported, not followed.
Findings verify(const Graph& graph);

}  // namespace lathe
