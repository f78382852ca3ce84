// SPDX-License-Identifier: Apache-2.0
// Finds the module structure of a model in what its exporter left behind.
#pragma once

#include "engine/graph/graph.h"

namespace lathe {

/// Fills model.modules anew and sets every node's module: from the dynamo exporter's metadata, TorchScript's
/// or TensorFlow's node names, or the names of weights, whichever there is.
void build_module_tree(Model& model);

}  // namespace lathe
