// SPDX-License-Identifier: Apache-2.0
// tf2onnx keeps TensorFlow's operation names: "StatefulPartitionedCall/model/dense/Tensordot/MatMul__20".
#include <algorithm>

#include "engine/base/strings.h"
#include "engine/graph/module_names.h"

namespace lathe {
namespace {

/// Scope of a node's name as a dotted path; nullopt where the converter made the name up.
std::optional<std::string> scope_path(const Node& node) {
  if (!node.alive || node.name.starts_with('/') || node.name.find('/') == std::string::npos)
    return std::nullopt;
  std::vector<std::string> parts = split(node.name, '/');
  parts.pop_back();  // the operation, with the converter's "__20" if any
  const auto begin = std::find_if(parts.begin(), parts.end(), [](const std::string& part) {
    return !part.starts_with("StatefulPartitionedCall");
  });
  parts.erase(parts.begin(), begin);
  std::erase(parts, "");
  for (std::string& part : parts) std::replace(part.begin(), part.end(), '.', '_');
  return join(parts, ".");
}

}  // namespace

std::optional<ModuleNames> names_from_tensorflow(const Graph& graph) {
  ModuleNames names;
  names.paths.resize(graph.nodes().size());
  size_t named = 0;
  for (const Node& node : graph.nodes())
    if (auto path = scope_path(node)) {
      names.paths[node.id.index] = std::move(path);
      ++named;
    }
  if (named == 0 || named * 4 < graph.node_count()) return std::nullopt;
  return names;
}

}  // namespace lathe
