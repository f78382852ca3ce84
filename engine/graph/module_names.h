// SPDX-License-Identifier: Apache-2.0
// Internal to the module tree builder: what each kind of exporter tells about the modules of nodes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace lathe {

struct ModuleNames {
  std::vector<std::optional<std::string>> paths;  ///< by node index; nullopt: nothing is said about the node
  std::map<std::string, std::string> classes;     ///< by path, "torch.nn.modules.conv.Conv2d"
};

/// The readers give nullopt when the graph bears no such names.
std::optional<ModuleNames> names_from_dynamo(const Graph& graph);
std::optional<ModuleNames> names_from_torchscript(const Graph& graph);
std::optional<ModuleNames> names_from_tensorflow(const Graph& graph);
/// From dotted names of weights: only nodes that use a weight get a path.
std::optional<ModuleNames> names_from_weights(const Graph& graph);

/// Whether each node computes from constants alone (Constant nodes included).
std::vector<bool> constant_nodes(const Graph& graph, const std::vector<NodeId>& order);

/// The usual class of a layer made of these nodes ("Conv2d"); empty when they form none that is known.
std::string infer_layer_class(const Graph& graph, const std::vector<NodeId>& nodes,
                              const std::vector<bool>& constant);

}  // namespace lathe
