// SPDX-License-Identifier: Apache-2.0
// Values that are wanted in several layouts.
#include "engine/runtime/runnable.h"
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

ValueId reshaped(Maker& m, ValueId x, std::initializer_list<int64_t> shape) {
  return m.node("Reshape",
                {x, m.constant(Tensor::from<int64_t>({static_cast<int64_t>(shape.size())}, shape))});
}

/// Checks the engine against the eager run, where every operator reads and writes plain tensors.
void expect_as_eager(const Graph& graph) {
  const std::vector<Tensor> given = run(graph, true);
  ASSERT_EQ(given.size(), 1U);
  auto model = std::make_shared<Model>();
  model->graph = graph.clone();
  model->opsets[""] = 17;
  const auto expected = on_executor([&]() -> Result<NamedValues> {
    NamedValues inputs;
    inputs["x0"] = RuntimeValue(inputs_for(graph)[0]);
    LATHE_ASSIGN(const auto eager, make_eager(model));
    return eager->run(inputs, {});
  });
  ASSERT_TRUE(expected.ok()) << expected.error().text();
  const auto wanted = expected->begin()->second.tensor.to_double(), found = given[0].to_double();
  ASSERT_EQ(wanted.size(), found.size());
  for (size_t i = 0; i < wanted.size(); ++i) ASSERT_NEAR(wanted[i], found[i], 1e-4) << i;
}

/// In a blocked layout.
ValueId image_of(Maker& m) {
  return m.node("Conv", {m.input({1, 32, 8, 8}), m.weights({32, 32, 3, 3})},
                {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
}

/// A sum that overwrites a blocked image of which a plain copy was made before: who wants the sum plain gets
/// a copy of the sum.
TEST(Layouts, ACopyOfWhatIsOverwrittenIsNotUsedAgain) {
  Maker m;
  const ValueId image = image_of(m);
  const ValueId rows = m.node("Sigmoid", {reshaped(m, image, {1, 32, 64})});
  const ValueId sum = m.node("Add", {image, reshaped(m, rows, {1, 32, 8, 8})});
  m.output(m.node("Neg", {reshaped(m, sum, {1, 32, 64})}));
  expect_as_eager(m.graph);
}

/// A view of the plain copy is overwritten by its only reader: who wants the image plain gets another copy.
TEST(Layouts, ACopyThatIsOverwrittenIsNotUsedAgain) {
  Maker m;
  const ValueId image = image_of(m);
  const ValueId rows = m.node("Sigmoid", {reshaped(m, image, {1, 32, 64})});
  const ValueId mean = m.node("ReduceMax", {rows}, {{"axes", std::vector<int64_t>{1}}});
  const ValueId turned = m.node("Transpose", {image}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  m.output(m.node("Mul", {reshaped(m, turned, {1, 32, 64}), mean}));
  expect_as_eager(m.graph);
}

}  // namespace
}  // namespace lathe
