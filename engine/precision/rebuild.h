// SPDX-License-Identifier: Apache-2.0
// A graph made anew: nodes in topological order, nothing dead, names kept.
#pragma once

#include "engine/graph/graph.h"

namespace lathe {

/// Copies `graph`, sub-graphs included. Operators of ai.onnx get the opset version `version`, where it is not
/// 0. Ids change; names, modules and tensor bytes stay. Errors: a cycle.
Result<Graph> rebuild(const Graph& graph, int version = 0);

/// Lists every node under its module again, in graph order.
void refresh_modules(Model& model);

}  // namespace lathe
