// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/subgraph.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

/// a -> b -> c -> d in a row, and a shortcut a -> d.
struct Chain {
  Graph graph;
  std::vector<NodeId> nodes;

  Chain() {
    GraphEditor editor(graph);
    const TypeInfo type = TypeInfo::tensor(ElementType::f32, Dims{Dim(2)});
    ValueId value = editor.add_input("x", type);
    ValueId first;
    for (const char* name : {"a", "b", "c"}) {
      value = add(editor, "Relu", name, {value}, type);
      if (!first.valid()) first = value;
    }
    value = add(editor, "Add", "d", {value, first}, type);
    editor.add_output(value);
  }
  ValueId add(GraphEditor& editor, const char* op, const char* name, std::vector<ValueId> inputs,
              const TypeInfo& type) {
    Node node;
    node.op_type = op;
    node.name = name;
    node.version = 14;
    node.inputs = std::move(inputs);
    const ValueId output = editor.add_value(std::string(name) + "_out", type);
    node.outputs = {output};
    nodes.push_back(editor.add_node(std::move(node)));
    return output;
  }
};

TEST(Subgraph, IsSeparableOnlyWithoutADetour) {
  const Chain chain;
  EXPECT_TRUE(is_separable(chain.graph, {chain.nodes[0], chain.nodes[1]}));
  EXPECT_TRUE(is_separable(chain.graph, chain.nodes));
  NodeId witness;
  EXPECT_FALSE(is_separable(chain.graph, {chain.nodes[0], chain.nodes[2]}, &witness));
  EXPECT_EQ(witness, chain.nodes[1]);
}

TEST(Subgraph, ExtractionKeepsBordersAndNames) {
  const Chain chain;
  const InferenceResult types = infer(chain.graph);
  const Subgraph piece = extract_subgraph(chain.graph, {chain.nodes[1], chain.nodes[2]}, types);
  ASSERT_EQ(piece.graph.inputs().size(), 1U);
  EXPECT_EQ(piece.graph.value(piece.graph.inputs()[0]).name, "a_out");
  ASSERT_EQ(piece.graph.outputs().size(), 1U);
  EXPECT_EQ(piece.graph.value(piece.graph.outputs()[0]).name, "c_out");
  EXPECT_EQ(piece.graph.node_count(), 2U);
}

}  // namespace
}  // namespace lathe
