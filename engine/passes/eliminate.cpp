// SPDX-License-Identifier: Apache-2.0
// Removes nodes that hand their input on unchanged.
#include <algorithm>

#include "engine/passes/match.h"

namespace lathe {
namespace {

bool same_type_and_shape(const PassContext& context, ValueId a, ValueId b) {
  const TypeInfo& x = context.types.type(a);
  const TypeInfo& y = context.types.type(b);
  return x.is_tensor() && y.is_tensor() && x.element == y.element && x.dims && y.dims && *x.dims == *y.dims;
}

bool is_identity_transpose(const PassContext& context, const Node& node) {
  std::vector<int64_t> perm = node.attributes.get_ints("perm");
  return !perm.empty() && std::is_sorted(perm.begin(), perm.end()) &&
         same_type_and_shape(context, node.inputs[0], node.outputs[0]);
}

bool all_zero(const Graph& graph, ValueId value) {
  const Tensor* tensor = graph.constant(value);
  if (tensor == nullptr) return false;
  const std::vector<int64_t> elements = tensor->to_int64();
  return std::all_of(elements.begin(), elements.end(), [](int64_t x) { return x == 0; });
}

bool steps_are_one(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 5 || !node.inputs[4].valid()) return true;
  const Tensor* steps = graph.constant(node.inputs[4]);
  if (steps == nullptr) return false;
  const std::vector<int64_t> all = steps->to_int64();
  return std::all_of(all.begin(), all.end(), [](int64_t step) { return step == 1; });
}

/// Same static type on both sides makes these copies; nothing else about them can change the elements.
bool keeps_elements(const PassContext& context, const Node& node) {
  for (const char* op : {"Reshape", "Expand", "Cast", "Flatten", "Squeeze", "Unsqueeze", "Tile"})
    if (is_op(node, op)) return same_type_and_shape(context, node.inputs[0], node.outputs[0]);
  return false;
}

bool is_noop(const PassContext& context, const Node& node) {
  const Graph& graph = context.graph;
  if (is_op(node, "Identity")) return true;
  if (is_op(node, "Dropout")) {
    const bool training =
        node.inputs.size() > 2 && node.inputs[2].valid() && !all_zero(graph, node.inputs[2]);
    const bool mask_used =
        node.outputs.size() > 1 && node.outputs[1].valid() &&
        (!graph.value(node.outputs[1]).consumers.empty() || graph.value(node.outputs[1]).is_output);
    return !training && !mask_used;
  }
  if (is_op(node, "Transpose")) return is_identity_transpose(context, node);
  if (is_op(node, "Concat") || is_op(node, "Sum") || is_op(node, "Max") || is_op(node, "Min") ||
      is_op(node, "Mean"))
    return node.inputs.size() == 1;
  if (is_op(node, "Pad")) return node.inputs.size() > 1 && all_zero(graph, node.inputs[1]);
  if (is_op(node, "Slice"))
    return same_type_and_shape(context, node.inputs[0], node.outputs[0]) && steps_are_one(graph, node);
  const bool neutral = ((is_op(node, "Mul") || is_op(node, "Div")) && node.inputs.size() == 2 &&
                        is_scalar(graph, node.inputs[1], 1.0F, 0)) ||
                       ((is_op(node, "Add") || is_op(node, "Sub")) && node.inputs.size() == 2 &&
                        is_scalar(graph, node.inputs[1], 0.0F, 0));
  if (neutral) return same_type_and_shape(context, node.inputs[0], node.outputs[0]);
  return keeps_elements(context, node);
}

Result<size_t> eliminate(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || node.inputs.empty() || node.outputs.empty() || !node.inputs[0].valid() ||
        !node.outputs[0].valid())
      continue;
    if (context.graph.value(node.outputs[0]).is_output ||
        context.graph.value(node.outputs[0]).consumers.empty())
      continue;
    if (!is_noop(context, node)) continue;
    context.editor.replace_uses(node.outputs[0], node.inputs[0]);
    ++changes;
  }
  return changes;
}

}  // namespace

void register_eliminate(PassRegistry& registry) {
  registry.add({"eliminate", false, eliminate});
}

}  // namespace lathe
