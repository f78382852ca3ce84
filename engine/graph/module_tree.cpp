// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/module_tree.h"

namespace lathe {

ModuleTree::ModuleTree() {
  Module root;
  root.id = ModuleTree::root();
  root.class_name = "Module";
  modules_.push_back(std::move(root));
  by_path_[""] = ModuleTree::root();
}

std::optional<ModuleId> ModuleTree::find(std::string_view path) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return std::nullopt;
  return found->second;
}

ModuleId ModuleTree::add(std::string_view path) {
  if (const auto existing = find(path)) return *existing;
  const size_t dot = path.rfind('.');
  const ModuleId parent = dot == std::string_view::npos ? root() : add(path.substr(0, dot));
  Module module;
  module.id = ModuleId(modules_.size());
  module.path = path;
  module.name = dot == std::string_view::npos ? path : path.substr(dot + 1);
  module.class_name = "Module";
  module.parent = parent;
  modules_[parent.index].children.push_back(module.id);
  by_path_[module.path] = module.id;
  modules_.push_back(std::move(module));
  return modules_.back().id;
}

bool ModuleTree::contains(ModuleId ancestor, ModuleId id) const {
  while (id.valid() && id != ancestor) id = modules_[id.index].parent;
  return id.valid();
}

ModuleId ModuleTree::deepest_common(ModuleId a, ModuleId b) const {
  while (a.valid() && !contains(a, b)) a = modules_[a.index].parent;
  return a.valid() ? a : root();
}

std::vector<ModuleId> ModuleTree::subtree(ModuleId id) const {
  std::vector<ModuleId> out;
  std::vector<ModuleId> stack{id};
  while (!stack.empty()) {
    const ModuleId next = stack.back();
    stack.pop_back();
    out.push_back(next);
    const auto& children = modules_[next.index].children;
    stack.insert(stack.end(), children.rbegin(), children.rend());
  }
  return out;
}

std::vector<NodeId> ModuleTree::all_nodes(ModuleId id) const {
  std::vector<NodeId> nodes;
  for (const ModuleId module : subtree(id))
    nodes.insert(nodes.end(), modules_[module.index].nodes.begin(), modules_[module.index].nodes.end());
  return nodes;
}

}  // namespace lathe
