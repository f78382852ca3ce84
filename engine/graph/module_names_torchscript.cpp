// SPDX-License-Identifier: Apache-2.0
// torch's TorchScript exporter names nodes "/layer1/layer1.0/relu_1/Relu": attribute names from the root
// down, where a name may repeat its parent's ("layer1.0"), and a module's later calls are numbered
// ("relu_1").
#include <algorithm>
#include <cctype>
#include <set>

#include "engine/base/strings.h"
#include "engine/graph/module_names.h"

namespace lathe {
namespace {

/// Scope components of a node's name: without the root and the operator.
std::optional<std::vector<std::string>> scope_components(const Node& node) {
  if (!node.alive || !node.name.starts_with('/')) return std::nullopt;
  std::vector<std::string> parts = split(std::string_view(node.name).substr(1), '/');
  parts.pop_back();
  if (std::find(parts.begin(), parts.end(), "") != parts.end()) return std::nullopt;
  return parts;
}

/// "relu" of "relu_1"; empty when there is no number at the end.
std::string without_number(const std::string& name) {
  size_t end = name.size();
  while (end > 0 && std::isdigit(static_cast<unsigned char>(name[end - 1]))) --end;
  return end == name.size() || end < 2 || name[end - 1] != '_' ? std::string() : name.substr(0, end - 1);
}

/// The component's place below `parent`, whose last component was `previous`.
std::string child_path(const std::string& parent, const std::string& previous, const std::string& component) {
  if (!previous.empty() && component.starts_with(previous + "."))
    return parent + component.substr(previous.size());
  return parent.empty() ? component : parent + "." + component;
}

class ScopeReader {
 public:
  explicit ScopeReader(const Graph& graph) {
    for (const Node& node : graph.nodes())
      if (const auto components = scope_components(node)) {
        std::string path, previous;
        for (const std::string& component : *components) {
          path = child_path(path, previous, component);
          previous = component;
          known_.insert(path);
        }
      }
    for (const Value& value : graph.values()) {
      if (!value.constant.defined()) continue;
      for (size_t dot = value.name.find('.'); dot != std::string::npos; dot = value.name.find('.', dot + 1))
        with_weights_.insert(value.name.substr(0, dot));
    }
  }

  std::string path(const std::vector<std::string>& components) const {
    std::string path, previous;
    for (const std::string& component : components) {
      const std::string raw = child_path(path, previous, component);
      const std::string first_call = without_number(raw);
      // A module that owns weights of that very name is one of its own, not another's second call.
      const bool later_call =
          !first_call.empty() && known_.contains(first_call) && !with_weights_.contains(raw);
      path = later_call ? first_call : raw;
      previous = later_call ? without_number(component) : component;
    }
    return path;
  }

 private:
  std::set<std::string> known_;         ///< every scope, call numbers included
  std::set<std::string> with_weights_;  ///< prefixes of weights' names
};

}  // namespace

std::optional<ModuleNames> names_from_torchscript(const Graph& graph) {
  ModuleNames names;
  names.paths.resize(graph.nodes().size());
  const ScopeReader reader(graph);
  size_t named = 0;
  for (const Node& node : graph.nodes()) {
    const auto components = scope_components(node);
    if (!components) continue;
    names.paths[node.id.index] = reader.path(*components);
    ++named;
  }
  if (named == 0 || named * 4 < graph.node_count()) return std::nullopt;
  return names;
}

}  // namespace lathe
