// SPDX-License-Identifier: Apache-2.0
// Operators that draw: type, shape, range, moments and that the same seed gives the same numbers. No two
// implementations draw the same ones.
#include <cmath>
#include <numeric>

#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

Moments moments(const Tensor& tensor) {
  const std::vector<double> x = tensor.to_double();
  const auto n = static_cast<double>(x.size());
  Moments out{std::accumulate(x.begin(), x.end(), 0.0) / n, 0, *std::min_element(x.begin(), x.end()),
              *std::max_element(x.begin(), x.end())};
  for (const double value : x) out.deviation += (value - out.mean) * (value - out.mean) / n;
  out.deviation = std::sqrt(out.deviation);
  return out;
}

Node seeded(const char* op, float seed = 7) {
  Node node = make_node(op, 22);
  node.attributes.set("seed", seed);
  return node;
}

Tensor draw(const Node& node, const std::vector<Tensor>& inputs) {
  const auto out = run_node(node, inputs);
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().text());
  return out.ok() ? (*out)[0].tensor : Tensor();
}

/// Another seed gives other numbers, the same one the same.
void expect_seed_decides(Node node, const std::vector<Tensor>& inputs) {
  const auto first = draw(node, inputs).to_double();
  EXPECT_EQ(draw(node, inputs).to_double(), first);
  node.attributes.set("seed", 8.0F);
  EXPECT_NE(draw(node, inputs).to_double(), first);
}

void expect_normal(const Node& node, const std::vector<Tensor>& inputs, ElementType type) {
  const Tensor out = draw(node, inputs);
  EXPECT_EQ(out.type(), type);
  EXPECT_EQ(out.shape(), (Shape{40, 50}));
  EXPECT_NEAR(moments(out).mean, 3, 0.15);
  EXPECT_NEAR(moments(out).deviation, 2, 0.15);
}
void expect_uniform(const Node& node, const std::vector<Tensor>& inputs, ElementType type) {
  const Tensor out = draw(node, inputs);
  EXPECT_EQ(out.type(), type);
  EXPECT_EQ(out.shape(), (Shape{40, 50}));
  EXPECT_NEAR(moments(out).mean, 1, 0.1);
  EXPECT_NEAR(moments(out).deviation, 4 / std::sqrt(12.0), 0.1);
  EXPECT_GE(moments(out).low, -1);
  EXPECT_LE(moments(out).high, 3);
}

Node normal(const char* op) {
  Node node = seeded(op);
  node.attributes.set("mean", 3.0F);
  node.attributes.set("scale", 2.0F);
  return node;
}
Node uniform(const char* op) {
  Node node = seeded(op);
  node.attributes.set("low", -1.0F);
  node.attributes.set("high", 3.0F);
  return node;
}
Node shaped(Node node, ElementType type) {
  node.attributes.set("shape", std::vector<int64_t>{40, 50});
  node.attributes.set("dtype", static_cast<int64_t>(type));
  return node;
}

TEST(RandomNormal, HasMeanAndScale) {
  for (const ElementType type : {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16})
    expect_normal(shaped(normal("RandomNormal"), type), {}, type);
  expect_seed_decides(shaped(normal("RandomNormal"), ElementType::f32), {});
}

TEST(RandomUniform, StaysInItsRange) {
  for (const ElementType type : {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16})
    expect_uniform(shaped(uniform("RandomUniform"), type), {}, type);
  expect_seed_decides(shaped(uniform("RandomUniform"), ElementType::f32), {});
}

TEST(RandomNormalLike, TakesShapeAndTypeOfItsInput) {
  expect_normal(normal("RandomNormalLike"), {noise({40, 50})}, ElementType::f32);
  Node node = normal("RandomNormalLike");
  node.attributes.set("dtype", static_cast<int64_t>(ElementType::f64));
  expect_normal(node, {noise({40, 50})}, ElementType::f64);
}

TEST(RandomUniformLike, TakesShapeAndTypeOfItsInput) {
  expect_uniform(uniform("RandomUniformLike"), {noise({40, 50})}, ElementType::f32);
  Node node = uniform("RandomUniformLike");
  node.attributes.set("dtype", static_cast<int64_t>(ElementType::f16));
  expect_uniform(node, {noise({40, 50})}, ElementType::f16);
}

TEST(Bernoulli, IsOneAsOftenAsItsInputSays) {
  std::vector<float> chances(3000);
  for (size_t i = 0; i < chances.size(); ++i) chances[i] = i % 3 == 0 ? 0.0F : i % 3 == 1 ? 1.0F : 0.25F;
  const Tensor x = Tensor::from<float>({3000}, std::span<const float>(chances));
  Node node = seeded("Bernoulli");
  node.attributes.set("dtype", static_cast<int64_t>(ElementType::i32));
  const Tensor out = draw(node, {x});
  ASSERT_EQ(out.type(), ElementType::i32);
  double sum = 0;
  for (size_t i = 0; i < chances.size(); ++i) {
    const int32_t drawn = out.data<int32_t>()[i];
    if (i % 3 == 0) {
      EXPECT_EQ(drawn, 0);
    } else if (i % 3 == 1) {
      EXPECT_EQ(drawn, 1);
    } else {
      sum += drawn;
    }
  }
  EXPECT_NEAR(sum / 1000, 0.25, 0.05);
  expect_seed_decides(seeded("Bernoulli"), {x});
}

TEST(Multinomial, DrawsClassesByTheirLogarithms) {
  Node node = seeded("Multinomial");
  node.attributes.set("sample_size", int64_t{3000});
  // exp gives 1 : 3 in the first row, and only the first class in the second.
  const Tensor x = Tensor::from<float>({2, 2}, {0, std::log(3.0F), 0, -200});
  const Tensor out = draw(node, {x});
  ASSERT_EQ(out.type(), ElementType::i32);
  ASSERT_EQ(out.shape(), (Shape{2, 3000}));
  const std::vector<double> drawn = out.to_double();
  EXPECT_NEAR(std::accumulate(drawn.begin(), drawn.begin() + 3000, 0.0) / 3000, 0.75, 0.05);
  EXPECT_EQ(std::accumulate(drawn.begin() + 3000, drawn.end(), 0.0), 0);
  node.attributes.set("dtype", static_cast<int64_t>(ElementType::i64));
  EXPECT_EQ(draw(node, {x}).type(), ElementType::i64);
}

}  // namespace
}  // namespace lathe::test
