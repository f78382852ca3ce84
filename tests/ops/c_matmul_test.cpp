// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/matmul.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(MatMul, BroadcastsBatchesAndPromotesVectors) {
  const auto y = run_node(make_node("MatMul", 13),
                          {Tensor::from<float>({2, 1, 2}, {1, 2, 3, 4}), Tensor::from<float>({2}, {10, 1})});
  ASSERT_TRUE(y.ok());
  expect_near((*y)[0].tensor, Tensor::from<float>({2, 1}, {12, 34}), 0);
  EXPECT_FALSE(run_node(make_node("MatMul", 13), {noise({2, 3}), noise({4, 2})}).ok());
}

TEST(MatMul, IntegersWrapAsTheirTypeDoes) {
  const auto y = run_node(make_node("MatMul", 13), {Tensor::from<int32_t>({1, 2}, {-3, 1 << 30}),
                                                    Tensor::from<int32_t>({2, 1}, {5, 4})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*y)[0].tensor.data<int32_t>()[0], -15);
}

TEST(MatMul, SymbolicBatches) {
  const Node node = make_node("MatMul", 13);
  const auto out =
      matmul_output(node, {Dim::symbol("b"), Dim(1), Dim(4), Dim(8)}, {Dim(3), Dim(8), Dim::symbol("n")});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(to_string(*out), "bx3x4xn");
}

TEST(FusedMatMul, PermutesScalesAndAdds) {
  const Tensor a = noise({2, 5, 3, 4}), b = noise({2, 5, 3, 4}, 2), bias = noise({5}, 3);
  Node node = make_node("FusedMatMul", 1, "lathe");  // attention scores from [batch, length, heads, size]
  node.attributes.set("permA", std::vector<int64_t>{0, 2, 1, 3});
  node.attributes.set("permB", std::vector<int64_t>{0, 2, 3, 1});
  node.attributes.set("scale", 0.5f);
  const auto y = run_node(node, {a, b, bias});
  ASSERT_TRUE(y.ok()) << y.error().text();
  Node einsum = make_node("Einsum", 12);
  einsum.attributes.set("equation", std::string("bqhd,bkhd->bhqk"));
  const auto scores = run_node(einsum, {a, b});
  ASSERT_TRUE(scores.ok()) << scores.error().text();
  for (size_t i = 0; i < 150; ++i)
    EXPECT_NEAR((*y)[0].tensor.data<float>()[i],
                0.5f * (*scores)[0].tensor.data<float>()[i] + bias.data<float>()[i % 5], 1e-6);
}

TEST(Einsum, DiagonalsAndEllipses) {
  Node trace = make_node("Einsum", 12);
  trace.attributes.set("equation", std::string("...ii->..."));
  const auto y = run_node(trace, {Tensor::from<float>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})});
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor, Tensor::from<float>({2}, {5, 13}), 0);
  trace.attributes.set("equation", std::string("i..j->i"));
  EXPECT_FALSE(run_node(trace, {noise({2, 2, 2})}).ok());
}

TEST(QLinearMatMul, RoundsHalfToEvenAndSaturates) {
  const auto scale = [](float s) { return Tensor::scalar(s); };
  const auto zero = Tensor::scalar<uint8_t>(0);
  const auto y =
      run_node(make_node("QLinearMatMul", 10),
               {Tensor::from<uint8_t>({1, 2}, {1, 2}), scale(0.5f), zero,
                Tensor::from<uint8_t>({2, 3}, {1, 3, 255, 0, 0, 255}), scale(1), zero, scale(1), zero});
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor, Tensor::from<uint8_t>({1, 3}, {0, 2, 255}), 0);
}

TEST(Resize, LinearHalfPixel) {
  Node node = make_node("Resize", 19);
  node.attributes.set("mode", std::string("linear"));
  const auto y =
      run_node(node, {Tensor::from<float>({1, 2}, {0, 4}), Tensor(), Tensor::from<float>({2}, {1, 2})});
  ASSERT_TRUE(y.ok()) << y.error().text();
  expect_near((*y)[0].tensor, Tensor::from<float>({1, 4}, {0, 1, 3, 4}), 1e-6);
  EXPECT_FALSE(run_node(node, {noise({1, 2}), Tensor(), Tensor::from<float>({2}, {1, -2})}).ok());
}

TEST(Attention, FullyMaskedQueriesGiveZeros) {
  const Tensor q = noise({1, 2, 3, 4}), k = noise({1, 2, 3, 4}, 2), v = noise({1, 2, 3, 4}, 3);
  Tensor mask = std::move(Tensor::allocate(ElementType::boolean, {3, 3})).value();
  for (int i = 0; i < 9; ++i) mask.mutable_raw()[i] = std::byte(i >= 3);
  const auto y = run_node(make_node("Attention", 24), {q, k, v, mask});
  ASSERT_TRUE(y.ok()) << y.error().text();
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ((*y)[0].tensor.data<float>()[i], 0);
  EXPECT_NE((*y)[0].tensor.data<float>()[4], 0);
}

TEST(Lstm, ReverseOfReversedInputIsForward) {
  const Tensor w = noise({1, 12, 2}), r = noise({1, 12, 3}, 2), x = noise({4, 1, 2}, 3);
  Tensor reversed = std::move(Tensor::allocate(ElementType::f32, {4, 1, 2})).value();
  for (size_t t = 0; t < 4; ++t)
    for (size_t i = 0; i < 2; ++i)
      reversed.mutable_data<float>()[t * 2 + i] = x.data<float>()[(3 - t) * 2 + i];
  Node backward = make_node("LSTM", 22);
  backward.attributes.set("direction", std::string("reverse"));
  const auto a = run_node(make_node("LSTM", 22), {x, w, r}, 3), b = run_node(backward, {reversed, w, r}, 3);
  ASSERT_TRUE(a.ok() && b.ok());
  expect_near((*a)[1].tensor, (*b)[1].tensor, 0);
  expect_near((*a)[2].tensor, (*b)[2].tensor, 0);
}

}  // namespace
}  // namespace lathe::test
