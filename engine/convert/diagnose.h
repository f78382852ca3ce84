// SPDX-License-Identifier: Apache-2.0
// Tells, before anything is compiled, whether a module can become an engine, and if not, why.
#pragma once

#include <optional>
#include <vector>

#include "engine/convert/failure.h"
#include "engine/graph/graph.h"
#include "engine/ops/inference.h"

namespace lathe {

/// The first obstacle in the nodes of a module, with evidence and remedies; nullopt when there is none.
/// `types` are of the whole model with the shapes asked for. `nodes` in graph order.
std::optional<Failure> diagnose(const Model& model, const InferenceResult& types, ModuleId module,
                                const std::vector<NodeId>& nodes);

/// The failure for an error that the compiler gave.
Failure failure_of_build(const Model& model, const Error& error, const std::vector<NodeId>& nodes);

}  // namespace lathe
