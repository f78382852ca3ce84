// SPDX-License-Identifier: Apache-2.0
// The tree of nn.Modules (or whatever groups the exporter left traces of).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"

namespace lathe {

struct Module {
  ModuleId id;
  std::string path;                ///< dotted; "" is the root
  std::string name;                ///< last component; "" for the root
  std::string class_name;          ///< "Conv2d"; "Module" where unknown
  std::string python_module;       ///< "torch.nn.modules.conv"; empty where unknown
  bool class_inferred = false;     ///< guessed from its nodes, not read from the file
  ModuleId parent;                 ///< invalid for the root
  std::vector<ModuleId> children;  ///< in order of first use
  std::vector<NodeId> nodes;       ///< nodes of the main graph it owns itself, in graph order
};

/// Where the module structure was read from.
enum class ModuleSource { none, dynamo_metadata, torchscript_names, tensorflow_names, grouped };

class ModuleTree {
 public:
  /// Starts with the root only.
  ModuleTree();
  ModuleSource source = ModuleSource::none;

  const std::vector<Module>& modules() const {
    return modules_;
  }  ///< index = ModuleId; parents before children
  const Module& operator[](ModuleId id) const { return modules_[id.index]; }
  static constexpr ModuleId root() { return ModuleId(size_t{0}); }
  std::optional<ModuleId> find(std::string_view path) const;
  /// Finds or makes the module at `path` and its ancestors.
  ModuleId add(std::string_view path);
  Module& edit(ModuleId id) { return modules_[id.index]; }
  /// True when `ancestor` is `id` or above it.
  bool contains(ModuleId ancestor, ModuleId id) const;
  ModuleId deepest_common(ModuleId a, ModuleId b) const;
  /// Nodes of the module and of everything under it, in module order.
  std::vector<NodeId> all_nodes(ModuleId id) const;
  std::vector<ModuleId> subtree(ModuleId id) const;  ///< itself first, depth-first

 private:
  std::vector<Module> modules_;
  std::map<std::string, ModuleId, std::less<>> by_path_;
};

}  // namespace lathe
