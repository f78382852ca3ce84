// SPDX-License-Identifier: Apache-2.0
// Where node names say nothing, weights such as "layer1.0.conv1.weight" still tell which layer uses them.
#include <algorithm>
#include <cctype>

#include "engine/graph/module_names.h"

namespace lathe {
namespace {

/// "layer1.0.conv1" of "layer1.0.conv1.weight"; empty when the name is not that of a parameter.
std::string owner_of(const std::string& weight) {
  const size_t dot = weight.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == weight.size()) return {};
  const bool plain = std::all_of(weight.begin(), weight.end(),
                                 [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; });
  const bool named = std::isalpha(static_cast<unsigned char>(weight[dot + 1]));
  return plain && named && weight.find("..") == std::string::npos ? weight.substr(0, dot) : std::string();
}

}  // namespace

std::optional<ModuleNames> names_from_weights(const Graph& graph) {
  ModuleNames names;
  names.paths.resize(graph.nodes().size());
  std::vector<std::string> owners(graph.values().size());  // of values computed from one layer's weights
  for (const Value& value : graph.values())
    if (value.constant.defined()) owners[value.id.index] = owner_of(value.name);
  const auto order = topological_order(graph);
  if (!order.ok()) return std::nullopt;
  const std::vector<bool> constant = constant_nodes(graph, *order);
  bool any = false;
  for (const NodeId id : *order) {
    const Node& node = graph.node(id);
    for (const ValueId input : node.inputs) {
      if (!input.valid() || owners[input.index].empty()) continue;
      const std::string owner = owners[input.index];
      any = true;
      names.paths[id.index] = owner;
      if (constant[id.index])
        for (const ValueId output : node.outputs)
          if (output.valid()) owners[output.index] = owner;
      break;
    }
  }
  if (!any) return std::nullopt;
  return names;
}

}  // namespace lathe
