// SPDX-License-Identifier: Apache-2.0
// Normalisations spelled out in single operators: means, differences, squares, the division.
#include <algorithm>

#include "engine/precision/rules.h"

namespace lathe {
namespace {

bool is_op(const Node* node, std::initializer_list<std::string_view> op_types) {
  return node != nullptr && node->domain.empty() &&
         std::find(op_types.begin(), op_types.end(), node->op_type) != op_types.end();
}

const Node* maker(const Graph& graph, ValueId value) {
  if (!value.valid() || !graph.value(value).producer.valid()) return nullptr;
  return &graph.node(graph.value(value).producer);
}

/// x - mean(x).
bool is_deviation(const Graph& graph, const Node& node) {
  if (!is_op(&node, {"Sub"}) || node.inputs.size() != 2) return false;
  const Node* mean = maker(graph, node.inputs[1]);
  return is_op(mean, {"ReduceMean"}) && mean->inputs[0] == node.inputs[0];
}

/// The mean of a tensor that is subtracted from it, or of squares.
bool is_moment(const Graph& graph, const Node& node) {
  if (!is_op(&node, {"ReduceMean", "ReduceSum"}) || node.inputs.empty()) return false;
  const Node* from = maker(graph, node.inputs[0]);
  if (is_op(from, {"Pow"})) return true;
  if (is_op(from, {"Mul"}) && from->inputs.size() == 2 && from->inputs[0] == from->inputs[1]) return true;
  for (const ValueId output : node.outputs)
    for (const NodeId user : output.valid() ? graph.value(output).consumers : std::vector<NodeId>())
      if (is_deviation(graph, graph.node(user))) return true;
  return false;
}

/// A square that only moments read.
bool is_square(const Graph& graph, const Node& node) {
  if (!is_op(&node, {"Mul"}) || node.inputs.size() != 2 || node.inputs[0] != node.inputs[1]) return false;
  const auto& users = graph.value(node.outputs[0]).consumers;
  return !users.empty() && std::all_of(users.begin(), users.end(), [&](NodeId user) {
    return is_op(&graph.node(user), {"ReduceMean", "ReduceSum"});
  });
}

/// A divisor, or a factor, that is the root of a moment or a sum.
bool is_norm(const Graph& graph, ValueId value) {
  const Node* node = maker(graph, value);
  if (is_op(node, {"ReduceSum", "ReduceL2", "ReduceL1", "Sqrt"})) return true;
  return is_op(node, {"Clip", "Max", "Expand", "Add"}) && !node->inputs.empty() &&
         is_op(maker(graph, node->inputs[0]), {"ReduceSum", "ReduceL2", "ReduceL1", "Sqrt"});
}

std::optional<std::string> keeps_wide(const RuleContext& context) {
  const Graph& graph = context.graph;
  const Node& node = context.node;
  if (is_moment(graph, node) || is_square(graph, node))
    return "computes a variance: differences and squares of like numbers";
  if (is_deviation(graph, node)) return "subtracts a mean from what it is the mean of";
  if (context.is({"Div"}) && node.inputs.size() == 2 && context.constant(1) == nullptr &&
      is_norm(graph, node.inputs[1]))
    return "divides by a norm or a sum, which may be small";
  if (context.is({"LayerNormalization", "GroupNormalization"}) &&
      node.attributes.get_int("stash_type", 1) != static_cast<int>(ElementType::f32))
    return "its stash_type would compute the variance in a narrow type";
  return std::nullopt;
}

}  // namespace

void register_normalizations(PrecisionRuleRegistry& registry) {
  registry.add({"normalizations", keeps_wide});
}

}  // namespace lathe
