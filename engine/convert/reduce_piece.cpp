// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/reduce_piece.h"

#include <algorithm>

#include "engine/runtime/subgraph.h"

namespace lathe {

bool is_shared_constant(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  return node.op_type == "Constant" && graph.constant(node.outputs.front()) != nullptr;
}

Dims closed(const Dims& dims) {
  Dims made = dims;
  for (Dim& dim : made)
    if (!dim.known()) dim = Dim(int64_t{1});
  return made;
}

Nodes with_ancestors(const Graph& graph, const Nodes& nodes) {
  std::vector<bool> inside(graph.nodes().size(), false);
  Nodes stack = nodes, all;
  while (!stack.empty()) {
    const Node& node = graph.node(stack.back());
    stack.pop_back();
    if (inside[node.id.index] || is_shared_constant(graph, node.id)) continue;
    inside[node.id.index] = true;
    all.push_back(node.id);
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId input : *list)
        if (input.valid() && graph.value(input).producer.valid())
          stack.push_back(graph.value(input).producer);
  }
  std::sort(all.begin(), all.end());
  return all;
}

Nodes with_ways_between(const Graph& graph, const Nodes& nodes) {
  std::vector<bool> above(graph.nodes().size(), false), below = above, inside = above;
  for (const NodeId id : nodes) inside[id.index] = true;
  for (const NodeId id : with_ancestors(graph, nodes)) above[id.index] = true;
  Nodes stack = nodes, all;
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (below[id.index]) continue;
    below[id.index] = true;
    for (const ValueId output : graph.node(id).outputs)
      if (output.valid())
        for (const NodeId user : graph.value(output).consumers) stack.push_back(user);
  }
  for (const Node& node : graph.nodes())
    if (node.alive && !is_shared_constant(graph, node.id) &&
        (inside[node.id.index] || (above[node.id.index] && below[node.id.index])))
      all.push_back(node.id);
  return all;
}

Piece cut_piece(const Model& model, const Nodes& nodes, const InferenceResult& sizes,
                const InferenceOptions& asked) {
  Subgraph part = extract_subgraph(model.graph, nodes, sizes);
  Piece piece;
  piece.cuts = part.inputs;
  piece.model = std::make_shared<Model>();
  Model& made = *piece.model;
  made.ir_version = model.ir_version;
  made.opsets = model.opsets;
  made.producer_name = model.producer_name;
  made.producer_version = model.producer_version;
  made.modules = model.modules;
  made.graph = std::move(part.graph);
  made.graph.name = "reduced";
  GraphEditor editor(made.graph);
  for (size_t i = 0; i < piece.cuts.size(); ++i) {
    const Value& outer = model.graph.value(piece.cuts[i]);
    TypeInfo type = sizes.type(piece.cuts[i]);
    const auto given = asked.input_shapes.find(outer.name);
    if (outer.is_input) {
      type = outer.type;
      if (type.is_tensor() && given != asked.input_shapes.end()) type.dims = given->second;
    } else if (type.is_tensor() && type.dims) {
      type.dims = closed(*type.dims);
    }
    editor.set_type(made.graph.inputs()[i], std::move(type));
  }
  return piece;
}

}  // namespace lathe
