// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_search.h"

#include <algorithm>
#include <string_view>

namespace lathe {
namespace {

/// ASCII only: names in models are identifiers.
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool contains(std::string_view text, std::string_view lowered) {
  return std::search(text.begin(), text.end(), lowered.begin(), lowered.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

/// Exporters begin names with the path of the module: all in it would be found with it.
std::string_view lastPart(std::string_view name) {
  return name.substr(name.find_last_of("/.") + 1);
}

}  // namespace

std::vector<GraphMatch> findInModel(const Model& model, const QString& text) {
  std::string wanted = text.trimmed().toStdString();
  std::transform(wanted.begin(), wanted.end(), wanted.begin(), lower);
  std::vector<GraphMatch> matches;
  if (wanted.empty()) return matches;
  for (const Module& module : model.modules.modules())
    if (module.id != ModuleTree::root() &&
        (contains(module.name, wanted) || contains(module.class_name, wanted)))
      matches.push_back({module.id, {}, {}});
  const bool path = wanted.find_first_of("/.") != std::string::npos;
  const auto named = [&](const std::string& name) { return contains(path ? name : lastPart(name), wanted); };
  if (path)
    for (const Module& module : model.modules.modules())
      if (contains(module.path, wanted) && !contains(module.name, wanted))
        matches.push_back({module.id, {}, {}});
  std::vector<bool> found(model.graph.nodes().size(), false);
  for (const Node& node : model.graph.nodes()) {
    if (!node.alive || !(contains(node.op_type, wanted) || named(node.name))) continue;
    found[node.id.index] = true;
    matches.push_back({{}, node.id, {}});
  }
  for (const Value& value : model.graph.values()) {
    if (!value.alive || !named(value.name)) continue;
    if (value.producer.valid() && found[value.producer.index]) continue;
    matches.push_back({{}, {}, value.id});
  }
  return matches;
}

std::vector<int> matchesByBox(const GraphScene& scene, const std::vector<GraphMatch>& matches) {
  std::vector<int> counts(scene.layout.boxes.size(), 0);
  const auto add = [&](int box) {
    if (box >= 0) ++counts[static_cast<size_t>(box)];
  };
  for (const GraphMatch& match : matches) {
    if (match.node.valid()) {
      add(scene.layout.box_of(match.node));
    } else if (match.module.valid()) {
      add(scene.boxOf(match.module));
    } else if (const Value& value = scene.graph().value(match.value);
               value.producer.valid() || value.is_input) {
      add(scene.boxOf(match.value));
    } else if (!value.consumers.empty()) {  // a weight is in the node that uses it
      add(scene.layout.box_of(value.consumers.front()));
    }
  }
  return counts;
}

std::vector<ModuleId> modulesAround(const Model& model, const GraphMatch& match) {
  ModuleId module;
  if (match.module.valid()) {
    module = model.modules[match.module].parent;
  } else {
    NodeId node = match.node;
    if (match.value.valid()) {
      const Value& value = model.graph.value(match.value);
      node = value.producer.valid()    ? value.producer
             : value.consumers.empty() ? NodeId()
                                       : value.consumers.front();
    }
    if (node.valid()) module = model.graph.node(node).module;
  }
  std::vector<ModuleId> around;
  for (; module.valid() && module != ModuleTree::root(); module = model.modules[module].parent)
    around.insert(around.begin(), module);
  return around;
}

}  // namespace lathe
