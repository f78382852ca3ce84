// SPDX-License-Identifier: Apache-2.0
// Cutting a set of nodes out of a graph.
#pragma once

#include <vector>

#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

/// A set of nodes as a graph of its own.
struct Subgraph {
  Graph graph;                   ///< input and output values bear the outer names
  std::vector<ValueId> inputs;   ///< outer ids, parallel to graph.inputs()
  std::vector<ValueId> outputs;  ///< outer ids, parallel to graph.outputs()
};

/// Constants the nodes read are shared into the copy; values whose elements `types` knows become constants
/// too, so that a shape computed elsewhere does not make the piece depend on it. Nodes keep names, modules
/// and metadata.
Subgraph extract_subgraph(const Graph& graph, const std::vector<NodeId>& nodes, const InferenceResult& types);

/// True when no path leaves the set and comes back: the nodes can run as one step. Otherwise `witness`, if
/// given, gets a node outside the set that lies on such a path.
bool is_separable(const Graph& graph, const std::vector<NodeId>& nodes, NodeId* witness = nullptr);

}  // namespace lathe
