// SPDX-License-Identifier: Apache-2.0
// GELU written out: x * 0.5 * (1 + erf(x / sqrt 2)), in the orders that exporters multiply.
#include <cmath>

#include "engine/passes/match.h"

namespace lathe {
namespace {

constexpr float sqrt_half = 0.70710678F;

/// The x of erf's argument x / sqrt(2), or x * sqrt(1/2).
ValueId erf_argument(const Graph& graph, const Node& erf) {
  const Node* scaled = producer(graph, erf.inputs[0]);
  if (scaled == nullptr) return {};
  const auto found = scalar_and_value(graph, *scaled);
  if (!found) return {};
  const float factor = is_op(*scaled, "Mul")                                        ? found->scalar
                       : is_op(*scaled, "Div") && found->value == scaled->inputs[0] ? 1.0F / found->scalar
                                                                                    : 0.0F;
  return std::fabs(factor - sqrt_half) < 1e-4F ? found->value : ValueId();
}

/// Factors of a product tree of at most three leaves that hang together by single uses.
void factors(const Graph& graph, const Node& product, std::vector<ValueId>& leaves,
             std::vector<NodeId>& nodes, int depth = 0) {
  nodes.push_back(product.id);
  for (const ValueId input : product.inputs) {
    const Node* inner = producer(graph, input, "Mul");
    if (inner != nullptr && used_once(graph, input) && depth == 0)
      factors(graph, *inner, leaves, nodes, depth + 1);
    else
      leaves.push_back(input);
  }
}

/// x, 0.5 and (1 + erf) in any order.
bool is_gelu(const Graph& graph, const Node& last, ValueId one_plus_erf, ValueId x,
             std::vector<NodeId>& nodes) {
  std::vector<ValueId> leaves;
  factors(graph, last, leaves, nodes);
  bool half = false, itself = false, error_function = false;
  for (const ValueId leaf : leaves) {
    half = half || is_scalar(graph, leaf, 0.5F);
    itself = itself || leaf == x;
    error_function = error_function || leaf == one_plus_erf;
  }
  return leaves.size() == 3 && half && itself && error_function;
}

bool fuse_one(PassContext& context, const Node& erf) {
  const Graph& graph = context.graph;
  const ValueId x = erf_argument(graph, erf);
  const Node* plus = sole_consumer(graph, erf.outputs[0]);
  if (!x.valid() || plus == nullptr || !is_op(*plus, "Add") ||
      !is_scalar(graph, other_input(*plus, erf.outputs[0]), 1.0F))
    return false;
  // The product may end one or two multiplications further down.
  const Node* end = sole_consumer(graph, plus->outputs[0]);
  for (int depth = 0; depth < 2 && end != nullptr && is_op(*end, "Mul"); ++depth) {
    std::vector<NodeId> nodes{erf.id, plus->id, graph.value(erf.inputs[0]).producer};
    if (is_gelu(graph, *end, plus->outputs[0], x, nodes)) {
      Node fused = context.fused_node("Gelu", nodes);
      fused.inputs = {x};
      const ValueId output = end->outputs[0];
      context.editor.remove_node(end->id);
      fused.outputs = {output};
      context.editor.add_node(std::move(fused));
      return true;
    }
    end = sole_consumer(graph, end->outputs[0]);
  }
  return false;
}

Result<size_t> fuse(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (node.alive && is_op(node, "Erf") && is_f32_or_bf16(context, node.outputs[0]) &&
        fuse_one(context, node))
      ++changes;
  }
  return changes;
}

}  // namespace

void register_fuse_gelu(PassRegistry& registry) {
  registry.add({"fuse_gelu", true, fuse});
}

}  // namespace lathe
