// SPDX-License-Identifier: Apache-2.0
#include "engine/passes/pass.h"

#include "engine/passes/pass_list.h"

namespace lathe {
namespace {

constexpr int max_rounds = 4;

}  // namespace

Node PassContext::fused_node(std::string op_type, std::vector<NodeId> originals) const {
  Node fused;
  fused.op_type = std::move(op_type);
  fused.domain = "lathe";
  fused.version = 1;
  std::string names;
  for (const NodeId id : originals) {
    const Node& node = graph.node(id);
    const auto inner = node.metadata.find(fused_nodes_key);
    names += (names.empty() ? "" : "\n") + (inner != node.metadata.end() ? inner->second : node.name);
    const auto rounding = node.metadata.find(rounding_key);
    if (rounding != node.metadata.end()) fused.metadata[rounding_key] = rounding->second;
    if (!fused.module.valid()) {
      fused.module = node.module;
      fused.source = node.source;
    } else if (options.modules != nullptr && node.module.valid()) {
      fused.module = options.modules->deepest_common(fused.module, node.module);
    }
  }
  fused.name = graph.node(originals.front()).name;
  fused.metadata[fused_nodes_key] = std::move(names);
  return fused;
}

const PassRegistry& passes() {
  static const PassRegistry registry = [] {
    PassRegistry all;
    register_all_passes(all);
    return all;
  }();
  return registry;
}

Status optimize(Graph& graph, const PassOptions& options) {
  PassContext context(graph, options);
  for (int round = 0; round < max_rounds; ++round) {
    size_t changes = 0;
    for (const Pass& pass : passes().all()) {
      if (pass.fuses && !options.fuse) continue;
      LATHE_ASSIGN(const size_t made, pass.run(context));
      if (made > 0) {
        context.editor.remove_dead();
        context.refresh();
      }
      changes += made;
    }
    if (changes == 0) break;
  }
  apply_types(graph, context.types);
  return {};
}

}  // namespace lathe
