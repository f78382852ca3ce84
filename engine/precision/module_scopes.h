// SPDX-License-Identifier: Apache-2.0
// Modules of nodes that a rewrite made or changed, in the words of torch's dynamo exporter, so that a file
// read back has the same module tree.
#pragma once

#include "engine/graph/graph.h"

namespace lathe {

/// For models whose modules came from that exporter; others name modules in their nodes' names.
void write_module_scopes(Model& model);

}  // namespace lathe
