// SPDX-License-Identifier: Apache-2.0
// Expected values were computed with ONNX Runtime.
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

constexpr const char* domain = "com.microsoft";

Node with_epsilon(const char* op) {
  Node node = make_node(op, 1, domain);
  node.attributes.set("epsilon", 1e-5f);
  return node;
}

const Tensor& input() {
  static const Tensor tensor = Tensor::from<float>({2, 2, 3}, {1, 2, 3, 4, 0, -1, 0.5f, 0.5f, 1, 2, -2, 3});
  return tensor;
}

TEST(SkipLayerNormalization, BroadcastsSkipAndGivesStatisticsAndSum) {
  const auto out = run_node(
      with_epsilon("SkipLayerNormalization"),
      {input(), Tensor::from<float>({2, 3}, {1, -1, 0.5f, 0.25f, 0, 2}), Tensor::from<float>({3}, {1, 2, -1}),
       Tensor::from<float>({3}, {0.5f, 0, 1}), Tensor::from<float>({3}, {0.1f, 0.2f, 0.3f})},
      4);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_near((*out)[0].tensor,
              Tensor::from<float>(
                  {2, 2, 3}, {0.25264388f, -2.1643643f, -0.32953787f, 1.867155f, -1.9937675f, 1.3702711f,
                              1.0987961f, -2.817864f, 0.1898641f, 0.63734686f, -2.575256f, -0.15028095f}),
              1e-6);
  expect_near((*out)[1].tensor, Tensor::from<float>({2, 2, 1}, {2.3666668f, 1.95f, 1.0333333f, 1.95f}), 1e-6);
  expect_near((*out)[2].tensor,
              Tensor::from<float>({2, 2, 1}, {0.92758465f, 0.5696479f, 1.056699f, 0.34336746f}), 1e-6);
  expect_near((*out)[3].tensor,
              Tensor::from<float>(
                  {2, 2, 3}, {2.1f, 1.2f, 3.8f, 4.35f, 0.2f, 1.3f, 1.6f, -0.3f, 1.8f, 2.35f, -1.8f, 5.3f}),
              1e-6);
}

TEST(SkipLayerNormalization, RefusesShapesThatDoNotFit) {
  std::vector<RuntimeValue> values{input(), noise({3, 3}), noise({3})};
  Node node = with_epsilon("SkipLayerNormalization");
  for (uint32_t i = 0; i < 3; ++i) node.inputs.push_back(ValueId(i));
  node.outputs.push_back(ValueId(3));
  const std::vector<const RuntimeValue*> pointers{&values[0], &values[1], &values[2]};
  EXPECT_FALSE(run_reference(*operators().find(node), node, pointers).ok());
}

TEST(SkipSimplifiedLayerNormalization, DividesByTheRootMeanSquare) {
  const Tensor skip = Tensor::from<float>({2, 2, 3}, {0.5f, 0.5f, 1, 2, -2, 3, 1, 2, 3, 4, 0, -1});
  const auto out = run_node(
      with_epsilon("SkipSimplifiedLayerNormalization"),
      {input(), skip, Tensor::from<float>({3}, {1, 2, -1}), Tensor::from<float>({3}, {0.1f, 0.2f, 0.3f})}, 4);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_near((*out)[0].tensor,
              Tensor::from<float>({2, 2, 3},
                                  {0.5205716f, 1.756929f, -1.3990362f, 1.5622202f, -0.921966f, -0.58903384f,
                                   0.5205716f, 1.756929f, -1.3990362f, 1.5622202f, -0.921966f, -0.58903384f}),
              1e-6);
  expect_near((*out)[2].tensor,
              Tensor::from<float>({2, 2, 1}, {0.32535723f, 0.25610167f, 0.32535723f, 0.25610167f}), 1e-6);
}

TEST(SimplifiedLayerNormalization, IsInBothDomains) {
  for (const char* where : {"", domain}) {
    Node node = make_node("SimplifiedLayerNormalization", 1, where);
    node.attributes.set("epsilon", 0.0f);
    const auto out = run_node(node, {Tensor::from<float>({1, 2}, {3, -1}), Tensor::from<float>({2}, {1, 2})});
    ASSERT_TRUE(out.ok()) << out.error().text();
    expect_near((*out)[0].tensor, Tensor::from<float>({1, 2}, {1.3416408f, -0.8944272f}), 1e-6);
  }
}

std::vector<Tensor> embedding(std::initializer_list<int32_t> ids) {
  return {Tensor::from<int32_t>({2, 3}, ids),
          Tensor::from<int32_t>({2, 3}, {0, 1, 1, 0, 0, 1}),
          Tensor::from<float>({4, 2}, {0.5f, -1, 2, 0.25f, -0.75f, 1.5f, 1, 3}),
          Tensor::from<float>({4, 2}, {0.1f, 0.2f, 0.3f, -0.4f, -0.5f, 0.6f, 1, 1}),
          Tensor::from<float>({2, 2}, {0, 0.125f, -0.25f, 1}),
          Tensor::from<float>({2}, {1, 2}),
          Tensor::from<float>({2}, {0.5f, -0.5f}),
          Tensor::from<int32_t>({2, 3}, {1, 0, 1, 0, 0, 0})};
}

TEST(EmbedLayerNormalization, AddsEmbeddingsAndCountsTheMask) {
  const auto out = run_node(with_epsilon("EmbedLayerNormalization"), embedding({1, 0, 2, 3, 3, 1}), 3);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_near((*out)[0].tensor,
              Tensor::from<float>({2, 3, 2},
                                  {1.4999913f, -2.4999828f, 1.4999778f, -2.4999557f, -0.49999905f, 1.4999981f,
                                   -0.499996f, 1.4999919f, -0.49999f, 1.4999806f, -0.49994427f, 1.4998894f}),
              1e-5);
  expect_near((*out)[1].tensor, Tensor::from<int32_t>({2}, {2, 0}), 0);
  expect_near((*out)[2].tensor,
              Tensor::from<float>({2, 3, 2}, {2.1f, 0.575f, 0.55f, -0.4f, -1.5f, 3.1f, 1.1f, 3.325f, 1.3f,
                                              2.725f, 1.25f, 1.85f}),
              1e-6);
}

TEST(MsActivations, GelusWithAndWithoutBias) {
  const Tensor x = Tensor::from<float>({2, 3}, {-2, -0.5f, 0, 0.25f, 1, 3});
  const Tensor bias = Tensor::from<float>({3}, {0.5f, -1, 0.25f});
  const auto expect = [](Node node, const std::vector<Tensor>& inputs, std::initializer_list<float> values) {
    const auto y = run_node(std::move(node), inputs);
    ASSERT_TRUE(y.ok()) << y.error().text();
    expect_near((*y)[0].tensor, Tensor::from<float>({2, 3}, values), 1e-6);
  };
  expect(make_node("Gelu", 1, domain), {x},
         {-0.0455002785f, -0.154268771f, 0, 0.149676576f, 0.841344714f, 2.99595022f});
  expect(make_node("FastGelu", 1, domain), {x},
         {-0.0454023480f, -0.154285997f, 0, 0.149675354f, 0.841192007f, 2.99636269f});
  expect(make_node("FastGelu", 1, domain), {x, bias},
         {-0.100428432f, -0.100428432f, 0.149675354f, 0.579960585f, 0, 3.24843144f});
  expect(make_node("BiasGelu", 1, domain), {x, bias},
         {-0.100210816f, -0.100210816f, 0.149676576f, 0.580029488f, 0, 3.24812460f});
  expect(make_node("QuickGelu", 1, domain), {x},
         {-0.0643413663f, -0.149611577f, 0, 0.151199654f, 0.845795751f, 2.98192883f});
}

}  // namespace
}  // namespace lathe::test
