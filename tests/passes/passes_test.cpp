// SPDX-License-Identifier: Apache-2.0
// Each pattern is rewritten into what it should be, a near miss is left alone, and results stay the same.
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

TEST(Passes, ConvBatchNormReluIsOneConvolution) {
  Maker m;
  const ValueId conv = m.node("Conv", {m.input({1, 3, 8, 8}), m.weights({4, 3, 3, 3})});
  const ValueId norm = m.node("BatchNormalization", {conv, m.weights({4}), m.weights({4}), m.weights({4}),
                                                     m.weights({4}, 0.5F, 1.0F)});
  m.output(m.node("Relu", {norm}));
  expect_becomes(m.graph, {"lathe.FusedConv"});
}

TEST(Passes, BatchNormOfNoConvolutionTakesOverRelu) {
  const auto normalised = [](bool shared) {
    Maker m;
    const ValueId norm = m.node("BatchNormalization", {m.input({2, 4, 8, 8}), m.weights({4}), m.weights({4}),
                                                       m.weights({4}), m.weights({4}, 0.5F, 1.0F)});
    m.output(m.node("Relu", {norm}));
    if (shared) m.output(norm);
    return std::move(m.graph);
  };
  expect_becomes(normalised(false), {"lathe.FusedBatchNormalization"});
  expect_becomes(normalised(true), {"BatchNormalization", "Relu"});
}

TEST(Passes, ResidualAddAndReluJoinTheConvolution) {
  Maker m;
  const ValueId x = m.input({1, 4, 8, 8});
  const ValueId conv = m.node("Conv", {x, m.weights({4, 4, 1, 1}), m.weights({4})});
  m.output(m.node("Relu", {m.node("Add", {conv, x})}));
  expect_becomes(m.graph, {"lathe.FusedConv"});
}

TEST(Passes, BatchNormOfAValueThatOthersReadKeepsTheConvolution) {
  Maker m;
  const ValueId conv = m.node("Conv", {m.input({1, 3, 8, 8}), m.weights({4, 3, 3, 3})});
  const ValueId norm = m.node("BatchNormalization", {conv, m.weights({4}), m.weights({4}), m.weights({4}),
                                                     m.weights({4}, 0.5F, 1.0F)});
  m.output(norm);
  m.output(conv);
  Graph copy = m.graph.clone();
  ASSERT_TRUE(optimize(copy, {}).ok());
  const auto left = operators_of(copy);
  EXPECT_TRUE(
      std::any_of(left.begin(), left.end(), [](const std::string& op) { return op.ends_with("Conv"); }));
  expect_becomes(m.graph, left);
}

TEST(Passes, MatMulBiasAndGeluAreOneProduct) {
  Maker m;
  const ValueId product = m.node("MatMul", {m.input({2, 5, 8}), m.weights({8, 6})});
  const ValueId biased = m.node("Add", {product, m.weights({6})});
  const ValueId root = m.node("Div", {biased, m.constant(Tensor::scalar(1.41421354F))});
  const ValueId erf = m.node("Add", {m.node("Erf", {root}), m.constant(Tensor::scalar(1.0F))});
  const ValueId gated = m.node("Mul", {biased, erf});
  m.output(m.node("Mul", {gated, m.constant(Tensor::scalar(0.5F))}));
  expect_becomes(m.graph, {"lathe.FusedMatMul"});
}

TEST(Passes, AnotherDivisorIsNoGelu) {
  Maker m;
  const ValueId x = m.input({2, 8});
  const ValueId erf = m.node("Erf", {m.node("Div", {x, m.constant(Tensor::scalar(1.5F))})});
  const ValueId gated = m.node("Mul", {x, m.node("Add", {erf, m.constant(Tensor::scalar(1.0F))})});
  m.output(m.node("Mul", {gated, m.constant(Tensor::scalar(0.5F))}));
  expect_becomes(m.graph, {"Div", "Erf", "Add", "Mul", "Mul"});
}

TEST(Passes, ConstantsAreFoldedAndIdentitiesRemoved) {
  Maker m;
  const ValueId sum = m.node("Add", {m.weights({4}), m.weights({4})});
  const ValueId x = m.node("Identity", {m.input({3, 4})});
  m.output(m.node("Mul", {x, m.node("Sqrt", {m.node("Abs", {sum})})}));
  expect_becomes(m.graph, {"Mul"});
}

TEST(Passes, FusedNodesRememberTheirOrigins) {
  Maker m;
  const ValueId conv = m.node("Conv", {m.input({1, 3, 8, 8}), m.weights({4, 3, 3, 3})});
  m.output(m.node("Relu", {conv}));
  ASSERT_TRUE(optimize(m.graph, {}).ok());
  for (const Node& node : m.graph.nodes()) {
    if (!node.alive) continue;
    const auto names = node.metadata.find(fused_nodes_key);
    ASSERT_NE(names, node.metadata.end());
    EXPECT_EQ(std::count(names->second.begin(), names->second.end(), '\n'), 1) << names->second;
  }
}

}  // namespace
}  // namespace lathe
