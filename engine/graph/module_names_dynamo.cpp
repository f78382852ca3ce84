// SPDX-License-Identifier: Apache-2.0
// torch's dynamo exporter writes each node's chain of modules into its metadata, as Python lists.
#include <algorithm>

#include "engine/graph/module_names.h"

namespace lathe {
namespace {

constexpr const char* scopes_key = "pkg.torch.onnx.name_scopes";
constexpr const char* classes_key = "pkg.torch.onnx.class_hierarchy";
constexpr const char* rule_key = "pkg.onnxscript.rewriter.rule_name";

/// The strings of a Python list literal, ['a', "b's"]; empty when it is none.
std::vector<std::string> parse_python_list(std::string_view text) {
  std::vector<std::string> items;
  for (size_t i = 0; i < text.size(); ++i) {
    const char quote = text[i];
    if (quote != '\'' && quote != '"') continue;
    std::string item;
    for (++i; i < text.size() && text[i] != quote; ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      item += text[i];
    }
    if (i >= text.size()) return {};  // the string does not end
    items.push_back(std::move(item));
  }
  return items;
}

const std::string* find_metadata(const Node& node, const char* key) {
  const auto found = node.metadata.find(key);
  return found == node.metadata.end() ? nullptr : &found->second;
}

/// torch.export marks later calls of a module as "layer.relu@1".
std::string without_call_number(const std::string& path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '@') {
      const size_t end = std::min(path.find_first_not_of("0123456789", i + 1), path.size());
      if (end > i + 1 && (end == path.size() || path[end] == '.')) {
        i = end - 1;
        continue;
      }
    }
    out += path[i];
  }
  return out;
}

/// A Conv that has swallowed its BatchNorm keeps the BatchNorm's scope; its weight still has the Conv's name.
/// Only for fused nodes: elsewhere equal weights are merged under the first one's name.
std::string path_from_fused_weight(const Graph& graph, const Node& node) {
  const std::string* rule = find_metadata(node, rule_key);
  if (rule == nullptr || rule->find("Fuse") == std::string::npos) return {};
  constexpr std::string_view suffix = ".weight";
  for (const ValueId input : node.inputs) {
    if (!input.valid() || graph.constant(input) == nullptr) continue;
    const std::string& name = graph.value(input).name;
    if (name.size() > suffix.size() && name.ends_with(suffix))
      return name.substr(0, name.size() - suffix.size());
  }
  return {};
}

}  // namespace

std::optional<ModuleNames> names_from_dynamo(const Graph& graph) {
  ModuleNames names;
  names.paths.resize(graph.nodes().size());
  bool any = false;
  for (const Node& node : graph.nodes()) {
    const std::string* text = node.alive ? find_metadata(node, scopes_key) : nullptr;
    if (text == nullptr) continue;
    const auto scopes = parse_python_list(*text);  // cumulative paths: the root "", ..., the operation
    if (scopes.size() < 2 || !scopes.front().empty()) continue;
    any = true;
    const std::string* class_text = find_metadata(node, classes_key);
    const auto classes = class_text ? parse_python_list(*class_text) : std::vector<std::string>();
    for (size_t i = 0; i + 1 < std::min(scopes.size(), classes.size()); ++i)
      names.classes.try_emplace(without_call_number(scopes[i]), classes[i]);
    const std::string fused = path_from_fused_weight(graph, node);
    names.paths[node.id.index] = fused.empty() ? without_call_number(scopes[scopes.size() - 2]) : fused;
  }
  if (!any) return std::nullopt;
  return names;
}

}  // namespace lathe
