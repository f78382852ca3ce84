// SPDX-License-Identifier: Apache-2.0
// Graphs in f16 and bf16 fuse as those in f32 do, and round once a step.
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

Graph convolution_of(ElementType type) {
  Maker m;
  const ValueId x = m.input({1, 4, 9, 9}, type);
  const ValueId conv = m.node("Conv", {x, m.weights({8, 4, 3, 3}, type), m.weights({8}, type)});
  m.output(m.node("Relu", {conv}));
  return std::move(m.graph);
}

TEST(NarrowPasses, F16ComputesInF32AndFuses) {
  expect_becomes(convolution_of(ElementType::f16), {"Cast", "lathe.FusedConv", "Cast"}, 4e-3);
}

TEST(NarrowPasses, F16ResultsAreRoundedBetweenSteps) {
  // 2049 is no f16: the first product has to become 2048 before 2048 is taken from it.
  Maker m;
  const ValueId x = m.input({1, 1}, ElementType::f16);
  const auto half = [&](float number) {
    Tensor f32 = Tensor::allocate(ElementType::f32, {1, 1}).value(),
           f16 = Tensor::allocate(ElementType::f16, {1, 1}).value();
    f32.mutable_data<float>()[0] = number;
    EXPECT_TRUE(convert_elements(f32, f16).ok());
    return m.constant(f16);
  };
  const ValueId zero = m.node("Mul", {x, half(0)});
  const ValueId sum = m.node("Add", {m.node("Add", {zero, half(2048)}), half(1)});
  m.output(m.node("Sub", {m.node("Softplus", {m.node("Neg", {sum})}), m.node("Sub", {sum, half(2048)})}));
  const std::vector<Tensor> outputs = run(m.graph, true);
  ASSERT_EQ(outputs.size(), 1U);
  EXPECT_EQ(outputs[0].type(), ElementType::f16);
  EXPECT_EQ(outputs[0].to_double()[0], 0.0);
}

TEST(NarrowPasses, Bf16KeepsItsTypeOrComputesWide) {
  Graph graph = convolution_of(ElementType::bf16);
  Graph copy = graph.clone();
  ASSERT_TRUE(optimize(copy, {}).ok());
  const auto made = operators_of(copy);
  EXPECT_THAT(made, testing::AnyOf(testing::ElementsAre("lathe.FusedConv"),
                                   testing::ElementsAre("Cast", "Cast", "lathe.FusedConv")));
  const auto plain = run(graph, false), fused = run(graph, true);
  const auto a = plain[0].to_double(), b = fused[0].to_double();
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 4e-2) << i;
}

}  // namespace
}  // namespace lathe
