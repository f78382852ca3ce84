// SPDX-License-Identifier: Apache-2.0
// Values of the ONNX reference evaluator.
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(CausalConvWithState, SeesThePastOnly) {
  const auto out =
      run_node(make_node("CausalConvWithState", 27), {noise({1, 2, 3}, 1), noise({2, 1, 2}, 2)}, 2);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_near(
      (*out)[0].tensor,
      Tensor::from<float>({1, 2, 3}, {0.010549F, 0.074586F, 0.034233F, 0.049561F, -0.172452F, 0.10824F}),
      1e-6);
  expect_near((*out)[1].tensor, Tensor::from<float>({1, 2, 1}, {0.004242F, -0.130482F}), 1e-6);
}

TEST(CausalConvWithState, StateBiasAndActivation) {
  Node node = make_node("CausalConvWithState", 27);
  node.attributes.set("activation", std::string("silu"));
  const auto out =
      run_node(node, {noise({1, 2, 3}, 1), noise({2, 1, 2}, 2), noise({2}, 3), noise({1, 2, 1}, 4)}, 2);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_near(
      (*out)[0].tensor,
      Tensor::from<float>({1, 2, 3}, {-0.083222F, -0.085264F, -0.101268F, 0.028922F, -0.057184F, 0.085759F}),
      1e-6);
  expect_near((*out)[1].tensor, Tensor::from<float>({1, 2, 1}, {0.004242F, -0.130482F}), 1e-6);
}

TEST(CausalConvWithState, InputsShorterThanTheKernelKeepPadding) {
  const Tensor x = Tensor::from<float>({1, 2, 1}, {-0.263544F, 0.204883F});
  const auto out = run_node(make_node("CausalConvWithState", 27), {x, noise({2, 1, 4}, 2)}, 2);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_near((*out)[0].tensor, Tensor::from<float>({1, 2, 1}, {-0.063751F, -0.005667F}), 1e-6);
  expect_near((*out)[1].tensor, Tensor::from<float>({1, 2, 3}, {0, 0, -0.263544F, 0, 0, 0.204883F}), 1e-6);
}

TEST(CausalConvWithState, OneStepAtATimeGivesTheSame) {
  const Tensor x = noise({1, 3, 5}, 7), w = noise({3, 1, 3}, 8);
  const auto whole = run_node(make_node("CausalConvWithState", 27), {x, w}, 2);
  ASSERT_TRUE(whole.ok());
  Tensor state;
  for (int64_t t = 0; t < 5; ++t) {
    std::vector<float> column;
    for (int64_t c = 0; c < 3; ++c) column.push_back(x.data<float>()[static_cast<size_t>(c * 5 + t)]);
    const auto step =
        run_node(make_node("CausalConvWithState", 27),
                 {Tensor::from<float>({1, 3, 1}, std::span<const float>(column)), w, Tensor(), state}, 2);
    ASSERT_TRUE(step.ok()) << step.error().text();
    state = (*step)[1].tensor;
    for (int64_t c = 0; c < 3; ++c)
      EXPECT_NEAR((*step)[0].tensor.data<float>()[static_cast<size_t>(c)],
                  (*whole)[0].tensor.data<float>()[static_cast<size_t>(c * 5 + t)], 1e-6);
  }
  expect_near(state, (*whole)[1].tensor, 1e-6);
}

TEST(CausalConvWithState, RefusesUnknownActivations) {
  Node node = make_node("CausalConvWithState", 27);
  node.attributes.set("activation", std::string("tanh"));
  EXPECT_FALSE(run_node(node, {noise({1, 2, 3}, 1), noise({2, 1, 2}, 2)}, 2).ok());
}

}  // namespace
}  // namespace lathe::test
