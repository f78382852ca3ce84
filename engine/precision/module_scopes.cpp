// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/module_scopes.h"

#include <algorithm>
#include <vector>

namespace lathe {
namespace {

constexpr const char* scopes_key = "pkg.torch.onnx.name_scopes";
constexpr const char* classes_key = "pkg.torch.onnx.class_hierarchy";
constexpr const char* rule_key = "pkg.onnxscript.rewriter.rule_name";

std::string python_list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) {
    text += text.size() > 1 ? ", '" : "'";
    for (const char c : item) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text + "]";
}

/// The root first.
std::vector<ModuleId> chain_of(const ModuleTree& tree, ModuleId module) {
  std::vector<ModuleId> chain;
  for (ModuleId at = module; at.valid(); at = tree[at].parent) chain.push_back(at);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

/// The exporter says nothing of the node, or something else than what its weights' names tell (of a
/// convolution that has swallowed its normalisation), and those are behind a DequantizeLinear now.
bool wants_scopes(const Node& node) {
  if (!node.metadata.contains(scopes_key)) return true;
  const auto rule = node.metadata.find(rule_key);
  return rule != node.metadata.end() && rule->second.find("Fuse") != std::string::npos;
}

}  // namespace

void write_module_scopes(Model& model) {
  const ModuleTree& tree = model.modules;
  if (tree.source != ModuleSource::dynamo_metadata) return;
  GraphEditor editor(model.graph);
  for (size_t i = 0; i < model.graph.nodes().size(); ++i) {
    const Node& node = model.graph.nodes()[i];
    if (!node.alive || !node.module.valid() || !wants_scopes(node)) continue;
    std::vector<std::string> paths, classes;
    for (const ModuleId module : chain_of(tree, node.module)) {
      const Module& each = tree[module];
      paths.push_back(each.path);
      classes.push_back(each.python_module + (each.python_module.empty() ? "" : ".") + each.class_name);
    }
    paths.push_back(node.name);
    classes.push_back(node.op_type);
    const NodeId id = node.id;
    editor.set_metadata(id, scopes_key, python_list(paths));
    editor.set_metadata(id, classes_key, python_list(classes));
  }
}

}  // namespace lathe
