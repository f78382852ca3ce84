// SPDX-License-Identifier: Apache-2.0
// Operators that only move elements move the 8-bit ones: DequantizeLinear sinks below them, and where it
// meets the QuantizeLinear that undoes it, both go.
#include <algorithm>
#include <array>

#include "engine/passes/quantized.h"

namespace lathe {
namespace {

/// Every output element is an input element, chosen by position (or by order, which a positive scale keeps).
bool moves_only(const Node& node) {
  constexpr std::array moving = {"Reshape", "Flatten",      "Squeeze",      "Unsqueeze", "Transpose", "Slice",
                                 "Gather",  "DepthToSpace", "SpaceToDepth", "Expand",    "Tile"};
  if (is_op(node, "MaxPool")) return node.version >= 12 && node.outputs.size() == 1;
  return std::any_of(moving.begin(), moving.end(), [&](const char* op) { return is_op(node, op); });
}

bool sink(PassContext& context, const Node& node) {
  if (!moves_only(node) || node.outputs.size() != 1 || node.inputs.empty()) return false;
  const auto data = dequantized(context, node.inputs[0]);
  const auto shape = static_shape(context, node.outputs[0]);
  if (!data || !shape || context.graph.constant(data->stored) != nullptr) return false;
  const Node dequantize = context.graph.node(data->node);
  Node moved = node;
  moved.inputs[0] = data->stored;
  const ValueId output = node.outputs[0];
  const ValueId stored = context.editor.add_value(context.graph.value(output).name + ".stored");
  context.types.types.resize(context.graph.values().size());
  context.types.types[stored.index] = context.types.type(output);
  context.types.types[stored.index].element = data->type;
  context.editor.remove_node(node.id);
  moved.outputs = {stored};
  Node back = dequantize;
  back.name = moved.name + ".dequantize";
  back.module = moved.module;
  back.metadata[fused_nodes_key] = dequantize.name;
  back.inputs[0] = stored;
  back.outputs = {output};
  context.editor.add_node(std::move(moved));
  context.editor.add_node(std::move(back));
  return true;
}

/// QuantizeLinear of what was dequantised with the same parameters.
bool cancel(PassContext& context, const Node& node) {
  const auto target = quantization_target(context, node);
  if (!target || context.graph.value(node.outputs[0]).is_output) return false;
  const auto data = dequantized(context, node.inputs[0]);
  if (!data || data->type != target->type || data->quantization != target->quantization) return false;
  if (context.graph.value(node.outputs[0]).consumers.empty()) return false;
  context.editor.replace_uses(node.outputs[0], data->stored);
  return true;
}

Result<size_t> move(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || node.outputs.empty()) continue;
    if (cancel(context, node) || sink(context, node)) ++changes;
  }
  return changes;
}

}  // namespace

void register_move_quantized(PassRegistry& registry) {
  registry.add({"move_quantized", true, move});
}

}  // namespace lathe
