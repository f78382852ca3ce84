// SPDX-License-Identifier: Apache-2.0
// Internal to reduce: sets of nodes around a failed module, and a set cut out as a model of its own.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/convert/failure.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

using Nodes = std::vector<NodeId>;

/// A Constant node whose tensor pieces share, so that it need not be in them.
bool is_shared_constant(const Graph& graph, NodeId id);
/// With all that leads to them, in graph order; shared constants left out.
Nodes with_ancestors(const Graph& graph, const Nodes& nodes);
/// With the nodes that stand between them: on a path that leaves the set and comes back.
Nodes with_ways_between(const Graph& graph, const Nodes& nodes);

/// A size for every open one.
Dims closed(const Dims& dims);

struct Piece {
  std::shared_ptr<Model> model;
  std::vector<ValueId> cuts;  ///< outer values that became inputs, in the order of the inputs
  std::optional<Failure> failure;
};
/// The model's own inputs stay as open as they were converted with (`asked`): that may be the fault. What is
/// cut gets the sizes that `sizes` knows, 1 for what is open there.
Piece cut_piece(const Model& model, const Nodes& nodes, const InferenceResult& sizes,
                const InferenceOptions& asked);

}  // namespace lathe
