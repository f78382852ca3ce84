// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/engine_prefix.h"

#include <algorithm>

#include "engine/ops/inference.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

bool depends_on_data(const Dims& dims, const InferenceResult& types) {
  return std::any_of(dims.begin(), dims.end(), [&](const Dim& dim) {
    const auto symbols = dim.symbols();
    return std::any_of(symbols.begin(), symbols.end(), [&](const std::string& symbol) {
      const auto origin = types.symbols.find(symbol);
      return origin != types.symbols.end() && origin->second.kind == SymbolOrigin::Kind::data_dependent;
    });
  });
}

/// What an engine cannot hold whatever the sizes of the inputs are.
bool stays_outside(const Graph& graph, const InferenceResult& types, const Node& node) {
  const Operator* op = operators().find(node);
  if (op == nullptr || op->run == nullptr || (op->traits & trait_control_flow) != 0) return true;
  for (const ValueId output : node.outputs) {
    if (!output.valid()) continue;
    const TypeInfo& type = types.type(output);
    if (type.kind != TypeInfo::Kind::unknown && (!type.is_tensor() || type.element == ElementType::string))
      return true;
    if (type.dims && depends_on_data(*type.dims, types)) return true;
  }
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
    return input.valid() && graph.value(input).is_input && !types.type(input).is_tensor();
  });
}

}  // namespace

Result<std::unique_ptr<ConvertedModel>> make_engine_prefix(std::shared_ptr<const Model> model) {
  const Graph& graph = model->graph;
  LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(graph));
  const InferenceResult types = infer(graph);
  std::vector<bool> outside(graph.nodes().size(), false);
  Partition::Piece piece;
  piece.module = ModuleTree::root();
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    const auto after_it = [&](ValueId input) {
      const NodeId producer = input.valid() ? graph.value(input).producer : NodeId();
      return producer.valid() && outside[producer.index];
    };
    outside[id.index] = stays_outside(graph, types, node) ||
                        std::any_of(node.inputs.begin(), node.inputs.end(), after_it) ||
                        std::any_of(node.captured.begin(), node.captured.end(), after_it);
    if (!outside[id.index]) piece.nodes.push_back(id);
  }
  if (piece.nodes.size() == order.size()) return make_engine_model(std::move(model));
  Partition partition;
  if (!piece.nodes.empty()) partition.pieces.push_back(std::move(piece));
  return make_converted(std::move(model), std::move(partition));
}

}  // namespace lathe
