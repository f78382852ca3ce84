// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/rewrite_facts.h"

#include "engine/precision/raise_opset.h"

namespace lathe {
namespace {

constexpr int per_channel_since = 13;  // opset of DequantizeLinear with an axis

}  // namespace

int opset_of(const Model& model) {
  const auto found = model.opsets.find("");
  return found != model.opsets.end() ? found->second : 0;
}

Status raise_for_channels(Model& model, const std::string& who) {
  if (opset_of(model) >= per_channel_since) return {};
  const OpsetLimit limit = reachable_opset(model, per_channel_since);
  if (limit.version < per_channel_since)
    return Error(usage_error("", who + " opset 13, and the model cannot be written in it"))
        .hint(limit.blocker + " stands against it");
  return raise_opset(model, per_channel_since);
}

NodePrecision fact_of(const Node& node) {
  NodePrecision fact;
  fact.node = node.name;
  fact.id = node.id;
  fact.module = node.module.valid() ? node.module : ModuleTree::root();
  fact.op_type = node.qualified_type();
  return fact;
}

}  // namespace lathe
