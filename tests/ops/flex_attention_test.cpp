// SPDX-License-Identifier: Apache-2.0
// Values of the ONNX reference evaluator.
#include <algorithm>
#include <cmath>

#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Node flex_node() {
  return make_node("FlexAttention", 1, "ai.onnx.preview");
}

TEST(FlexAttention, SharesKeyHeadsAndScales) {
  Node node = flex_node();
  node.attributes.set("scale", 2.0F);
  const auto y = run_node(node, {noise({1, 2, 2, 2}, 1), noise({1, 1, 3, 2}, 2), noise({1, 1, 3, 2}, 3)});
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor,
              Tensor::from<float>({1, 2, 2, 2}, {-0.002049F, 0.223529F, 0.018303F, 0.227763F, 0.006306F,
                                                 0.216553F, -0.010152F, 0.241941F}),
              1e-6);
}

/// A graph of one input that is its output; what it computes is up to whoever runs it.
std::shared_ptr<Graph> one_to_one() {
  auto graph = std::make_shared<Graph>();
  GraphEditor editor(*graph);
  editor.add_output(editor.add_input("s", TypeInfo::tensor(ElementType::f32)));
  return graph;
}

TEST(FlexAttention, SubGraphsChangeScoresAndProbabilities) {
  const auto negate = one_to_one(), root = one_to_one();
  Node node = flex_node();
  node.attributes.set("score_mod", negate);
  node.attributes.set("prob_mod", root);
  node.inputs = {ValueId(0), ValueId(1), ValueId(2)};
  node.outputs = {ValueId(3)};
  const RuntimeValue q(noise({1, 2, 2, 2}, 1)), k(noise({1, 1, 3, 2}, 2)), v(noise({1, 1, 3, 2}, 3));
  const std::vector<const RuntimeValue*> inputs{&q, &k, &v};
  ReferenceOptions options;
  options.run_subgraph = [&](const Graph& body,
                             std::vector<RuntimeValue> values) -> Result<std::vector<RuntimeValue>> {
    EXPECT_EQ(values.size(), 1U);
    Tensor out = std::move(Tensor::allocate(ElementType::f32, values[0].tensor.shape())).value();
    std::ranges::transform(values[0].tensor.data<float>(), out.mutable_data<float>().begin(),
                           [&](float x) { return &body == negate.get() ? -x : std::sqrt(x); });
    return std::vector<RuntimeValue>{RuntimeValue(out)};
  };
  const auto y = run_reference(*operators().find(node), node, inputs, options);
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor,
              Tensor::from<float>({1, 2, 2, 2}, {-0.003327F, 0.403423F, -0.009226F, 0.402249F, -0.00614F,
                                                 0.405678F, -0.000841F, 0.397846F}),
              1e-6);
  options.run_subgraph = [](const Graph&, std::vector<RuntimeValue>) -> Result<std::vector<RuntimeValue>> {
    return std::vector<RuntimeValue>{RuntimeValue(noise({1}))};
  };
  EXPECT_FALSE(run_reference(*operators().find(node), node, inputs, options).ok());  // another shape
}

}  // namespace
}  // namespace lathe::test
