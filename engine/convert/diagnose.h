// SPDX-License-Identifier: Apache-2.0
// Tells, before anything is compiled, whether a module can become an engine, and if not, why.
#pragma once

#include <optional>
#include <vector>

#include "engine/convert/failure.h"
#include "engine/convert/suggest_shapes.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

/// What stands against a node inside an engine whatever the others are; nullopt: nothing.
std::optional<FailureCause> node_obstacle(const Graph& graph, const InferenceResult& types, NodeId node);

/// The first obstacle in the nodes of a module, with evidence and remedies; nullopt when there is none.
/// `types` are of the whole model with the shapes asked for. `nodes` in graph order. `shapes` are what inputs
/// could be pinned to.
std::optional<Failure> diagnose(const Model& model, const InferenceResult& types, ModuleId module,
                                const std::vector<NodeId>& nodes,
                                const std::map<std::string, SuggestedShape>& shapes = {});

/// The node with its module, types and source, as failures show it.
Failure::Evidence evidence_of(const Model& model, const InferenceResult& types, NodeId node);

/// The failure for an error that the compiler gave. Where it names no node and the machine is too small, the
/// node with the largest result is the evidence.
Failure failure_of_build(const Model& model, const InferenceResult& types, const Error& error,
                         const std::vector<NodeId>& nodes);

}  // namespace lathe
