// SPDX-License-Identifier: Apache-2.0
// Expected values were computed with NumPy in f64: ONNX Runtime has these operators for GPUs only.
#include "tests/ops/ml_refusal.h"

namespace lathe::test {
namespace {

constexpr const char* domain = "com.microsoft";

/// Channels last.
Tensor image() {
  Tensor tensor = std::move(Tensor::allocate(ElementType::f32, {1, 2, 2, 4})).value();
  for (size_t i = 0; i < 16; ++i) tensor.mutable_data<float>()[i] = static_cast<float>(i) / 2 - 3;
  return tensor;
}
Tensor gamma() {
  return Tensor::from<float>({4}, {1, 2, 0.5F, -1});
}
Tensor beta() {
  return Tensor::from<float>({4}, {0, 0.1F, 0.2F, 0.3F});
}

Node group_norm(const char* op) {
  Node node = make_node(op, 1, domain);
  node.attributes.set("groups", int64_t{2});
  node.attributes.set("activation", int64_t{0});
  return node;
}

const std::vector<float>& normalised() {
  static const std::vector<float> values{-1.44444302F,  -2.34444203F,  -0.522221506F,  1.52222103F,
                                         -0.555555007F, -0.566666007F, -0.0777775004F, 0.633333016F,
                                         0.333333004F,  1.21111002F,   0.366666505F,   -0.255554995F,
                                         1.22222102F,   2.98888604F,   0.811110511F,   -1.14444301F};
  return values;
}

TEST(MsGroupNorm, ChannelsLastAndFirst) {
  const auto last = run_node(group_norm("GroupNorm"), {image(), gamma(), beta()});
  ASSERT_TRUE(last.ok()) << last.error().text();
  expect_floats((*last)[0].tensor, {1, 2, 2, 4}, normalised(), 1e-5);

  Tensor first = std::move(Tensor::allocate(ElementType::f32, {1, 4, 2, 2})).value();
  std::vector<float> expected(16);
  for (size_t c = 0; c < 4; ++c)
    for (size_t p = 0; p < 4; ++p) {
      first.mutable_data<float>()[c * 4 + p] = image().data<float>()[p * 4 + c];
      expected[c * 4 + p] = normalised()[p * 4 + c];
    }
  Node node = group_norm("GroupNorm");
  node.attributes.set("channels_last", int64_t{0});
  const auto out = run_node(node, {first, gamma(), beta()});
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {1, 4, 2, 2}, expected, 1e-5);
}

TEST(MsGroupNorm, EndsWithSilu) {
  Node node = group_norm("GroupNorm");
  node.attributes.set("activation", int64_t{1});
  const auto out = run_node(node, {image(), gamma(), beta()});
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {1, 2, 2, 4},
                {-0.275683888F, -0.205158757F, -0.194440257F, 1.24953843F, -0.202542338F, -0.205136767F,
                 -0.0373771773F, 0.413721518F, 0.19418985F, 0.933154568F, 0.216572761F, -0.11153869F,
                 0.944109721F, 2.84562724F, 0.561569196F, -0.276389342F},
                1e-5);
}

TEST(MsGroupNorm, RefusesGroupsThatDoNotFit) {
  Node node = group_norm("GroupNorm");
  node.attributes.set("groups", int64_t{3});
  expect_refused(node, {image(), gamma(), beta()}, "4 channels, which is no multiple of its 3 groups");
  node.attributes.set("groups", int64_t{0});
  expect_refused(node, {image(), gamma(), beta()}, "groups = 0");
  expect_refused(group_norm("GroupNorm"), {image(), gamma(), noise({3})}, "gamma or beta of shape 3");
}

TEST(MsSkipGroupNorm, AddsSkipAndBias) {
  const Tensor bias = Tensor::from<float>({4}, {0.1F, 0.2F, 0.3F, 0.4F});
  for (const Shape& shape : {Shape{1, 4}, Shape{1, 1, 1, 4}}) {
    const Tensor skip = Tensor::from<float>({1, 4}, {1, -1, 2, 0.5F}).reshaped(shape);
    const auto out = run_node(group_norm("SkipGroupNorm"), {image(), gamma(), beta(), skip, bias}, 2);
    ASSERT_TRUE(out.ok()) << out.error().text();
    expect_floats((*out)[0].tensor, {1, 2, 2, 4},
                  {-0.98161519F, -3.05824017F, -0.358989583F, 1.81256008F, -0.128036763F, -1.3510833F,
                   0.0794336001F, 0.935713684F, 0.725541632F, 0.356073526F, 0.517856849F, 0.0588672388F,
                   1.57912007F, 2.06323045F, 0.956280045F, -0.817979154F},
                  1e-5);
    expect_floats(
        (*out)[1].tensor, {1, 2, 2, 4},
        {-1.9F, -3.3F, 0.3F, -0.6F, 0.1F, -1.3F, 2.3F, 1.4F, 2.1F, 0.7F, 4.3F, 3.4F, 4.1F, 2.7F, 6.3F, 5.4F},
        1e-5);
  }
  expect_refused(group_norm("SkipGroupNorm"), {image(), gamma(), beta(), noise({3})}, "skip of shape 3");
}

TEST(MsBiasAdd, AddsBiasAndSkip) {
  const Tensor x = Tensor::from<float>({1, 2, 2}, {1, 2, 3, 4}),
               skip = Tensor::from<float>({1, 2, 2}, {5, 6, 7, 8});
  const Node node = make_node("BiasAdd", 1, domain);
  const auto out = run_node(node, {x, Tensor::from<float>({2}, {10, 20}), skip});
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {1, 2, 2}, {16, 28, 20, 32});
  expect_refused(node, {x, noise({3}), skip}, "bias of shape 3");
}

TEST(MsBiasSplitGelu, MultipliesTheHalves) {
  const Node node = make_node("BiasSplitGelu", 1, domain);
  const auto out = run_node(node, {Tensor::from<float>({1, 2, 4}, {1, -2, 0.5F, 3, 0, 1, -1, 2}),
                                   Tensor::from<float>({4}, {0.1F, 0.2F, -0.3F, 0.4F})});
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {1, 2, 2}, {0.12743713F, -6.117938F, -0.0125840638F, 2.85639133F}, 1e-5);
  expect_refused(node, {noise({1, 3}), noise({3})}, "even last axis");
}

}  // namespace
}  // namespace lathe::test
