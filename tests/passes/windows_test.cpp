// SPDX-License-Identifier: Apache-2.0
// Convolutions without taps that only meet padding; means over positions as poolings.
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

using Ints = std::vector<int64_t>;

/// The shape of the weights that the pipeline leaves of the graph's one convolution.
Shape weights_of(const Graph& graph) {
  Graph copy = graph.clone();
  EXPECT_TRUE(optimize(copy, {}).ok());
  for (const Node& node : copy.nodes())
    if (node.alive && node.op_type.ends_with("Conv")) return copy.constant(node.inputs[1])->shape();
  return {};
}

TEST(TrimKernels, OnlyTheMiddleOfAWideDilationIsLeft) {
  Maker m;
  m.output(m.node("Conv", {m.input({1, 4, 16, 16}), m.weights({6, 4, 3, 3}), m.weights({6})},
                  {{"dilations", Ints{24, 24}}, {"pads", Ints{24, 24, 24, 24}}}));
  EXPECT_EQ(weights_of(m.graph), (Shape{6, 4, 1, 1}));
  expect_same_results(m.graph, 2e-5);
}

TEST(TrimKernels, TapsThatReachTheImageStay) {
  Maker m;
  m.output(m.node("Conv", {m.input({1, 4, 16, 20}), m.weights({6, 4, 3, 3})},
                  {{"dilations", Ints{16, 16}}, {"pads", Ints{16, 16, 16, 16}}}));
  EXPECT_EQ(weights_of(m.graph), (Shape{6, 4, 1, 3}));
  expect_same_results(m.graph, 2e-5);
}

TEST(TrimKernels, UnevenPaddingAndStrides) {
  for (const Ints& pads : {Ints{8, 0, 8, 9}, Ints{0, 8, 9, 8}, Ints{9, 9, 7, 7}, Ints{5, 12, 5, 12}}) {
    Maker m;
    m.output(m.node("Conv", {m.input({2, 3, 7, 5}), m.weights({4, 3, 3, 3})},
                    {{"dilations", Ints{4, 6}}, {"pads", pads}, {"strides", Ints{2, 3}}}));
    expect_same_results(m.graph, 2e-5);
  }
}

TEST(TrimKernels, AnOrdinaryConvolutionIsLeftAlone) {
  Maker m;
  m.output(m.node("Conv", {m.input({1, 3, 8, 8}), m.weights({4, 3, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}}));
  EXPECT_EQ(weights_of(m.graph), (Shape{4, 3, 3, 3}));
}

TEST(PoolMeans, AMeanOverAllPositionsIsAPooling) {
  Maker m;
  m.output(m.node("ReduceMean", {m.input({2, 5, 3, 4})}, {{"axes", Ints{2, -1}}}));
  expect_becomes(m.graph, {"GlobalAveragePool"});
}

TEST(PoolMeans, WithoutTheReducedAxes) {
  Maker m;
  m.output(m.node("ReduceMean", {m.input({2, 5, 3, 4})}, {{"axes", Ints{-1, -2}}, {"keepdims", int64_t{0}}}));
  expect_becomes(m.graph, {"GlobalAveragePool", "Reshape"});
}

TEST(PoolMeans, OtherAxesAreNone) {
  Maker m;
  m.output(m.node("ReduceMean", {m.input({2, 5, 3, 4})}, {{"axes", Ints{1, 2}}}));
  expect_becomes(m.graph, {"ReduceMean"});
}

}  // namespace
}  // namespace lathe
