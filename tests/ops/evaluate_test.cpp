// SPDX-License-Identifier: Apache-2.0
// Shapes that exporters compute through other ranks and types than lists of integers.
#include <gtest/gtest.h>

#include "engine/ops/inference.h"

namespace lathe {
namespace {

class Builder {
 public:
  ValueId node(const std::string& op, std::vector<ValueId> inputs,
               const std::map<std::string, AttributeValue>& attributes = {}) {
    Node node;
    node.name = "n" + std::to_string(graph.nodes().size());
    node.op_type = op;
    node.version = 17;
    node.inputs = std::move(inputs);
    for (const auto& [name, value] : attributes) node.attributes.set(name, value);
    const ValueId output = editor.add_value(node.name + "_y");
    node.outputs = {output};
    editor.add_node(std::move(node));
    return output;
  }
  ValueId integers(std::vector<int64_t> values) {
    const Shape shape{static_cast<int64_t>(values.size())};
    return editor.add_constant("c" + std::to_string(graph.values().size()),
                               Tensor::from<int64_t>(shape, std::move(values)));
  }
  Graph graph;
  GraphEditor editor{graph};
};

TEST(Evaluate, PadsComputedThroughAMatrixAreKnown) {
  Builder b;
  const ValueId x = b.editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim(5), Dim(6)}));
  // Pairs of pads, last axis first, turned around as torch.nn.functional.pad is exported.
  const ValueId pairs = b.node("Reshape", {b.integers({0, 1, 2, 3}), b.integers({2, 2})});
  const ValueId turned = b.node(
      "Transpose",
      {b.node("Slice", {pairs, b.integers({-1}), b.integers({-9}), b.integers({0}), b.integers({-1})})});
  const ValueId pads = b.node("Reshape", {turned, b.integers({4})});
  const ValueId y = b.node("Pad", {x, pads});
  EXPECT_EQ(to_string(infer(b.graph).type(y)), "f32[10x7]");
}

TEST(Evaluate, ASizeThroughFloatsIsKnown) {
  Builder b;
  const ValueId x = b.editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim(12), Dim(4)}));
  const ValueId half = b.editor.add_constant("half", Tensor::from<float>({2}, {0.5F, 0.5F}));
  const ValueId scaled = b.node("Mul", {b.node("Cast", {b.node("Shape", {x})}, {{"to", int64_t{1}}}), half});
  const ValueId size = b.node("Cast", {b.node("Floor", {scaled})}, {{"to", int64_t{7}}});
  const ValueId y = b.node("ConstantOfShape", {size});
  EXPECT_EQ(to_string(infer(b.graph).type(y)), "f32[6x2]");
}

TEST(Evaluate, WhatDependsOnAnOpenSizeStaysOpen) {
  Builder b;
  const ValueId x =
      b.editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim::symbol("n"), Dim(4)}));
  const ValueId mod = b.node("Mod", {b.node("Shape", {x}), b.integers({3, 3})});
  const InferenceResult types = infer(b.graph);
  EXPECT_FALSE(types.known_tensor(mod).has_value());
  EXPECT_TRUE(types.findings.empty());
}

}  // namespace
}  // namespace lathe
