// SPDX-License-Identifier: Apache-2.0
// Einsum of two operands as a matrix product.
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

Graph einsum(const std::string& equation, const Shape& a, const Shape& b) {
  Maker m;
  const ValueId x = m.input(a), y = m.input(b);
  m.output(m.node("Einsum", {x, y}, {{"equation", equation}}));
  return std::move(m.graph);
}

bool keeps_einsum(const Graph& graph) {
  Graph copy = graph.clone();
  EXPECT_TRUE(optimize(copy, {}).ok());
  const auto left = operators_of(copy);
  return std::find(left.begin(), left.end(), "Einsum") != left.end();
}

TEST(LowerEinsum, EveryArrangementIsAMatrixProduct) {
  const std::vector<std::tuple<std::string, Shape, Shape>> cases = {
      {"ij,jk->ik", {3, 4}, {4, 5}},
      {"ij,jk->ki", {3, 4}, {4, 5}},
      {"b h i d, b h j d -> b h i j", {2, 3, 4, 5}, {2, 3, 6, 5}},
      {"b h i j, b h j d -> b h i d", {2, 3, 4, 5}, {2, 3, 5, 6}},
      {"bihd,bjhd->bhij", {2, 4, 3, 5}, {2, 6, 3, 5}},
      {"bhij,bjhd->bihd", {2, 3, 4, 5}, {2, 5, 3, 6}},
      {"abcd,cde->abe", {2, 3, 4, 5}, {4, 5, 6}},
      {"abc,dc->abd", {2, 3, 4}, {5, 4}},
      {"i,j->ij", {3}, {4}},
      {"bi,bj->bij", {2, 3}, {2, 4}},
      {"bxy,xyk->bk", {2, 3, 4}, {3, 4, 5}},
      {"...ij,jk->...ik", {2, 3, 4, 5}, {5, 6}},
      {"...ij,...jk->...ik", {2, 3, 4}, {2, 4, 5}},
  };
  for (const auto& [equation, a, b] : cases) {
    const Graph graph = einsum(equation, a, b);
    EXPECT_FALSE(keeps_einsum(graph)) << equation;
    expect_same_results(graph, 2e-5);
  }
}

TEST(LowerEinsum, WhatIsNoMatrixProductStays) {
  EXPECT_TRUE(keeps_einsum(einsum("ij,kl->ik", {3, 4}, {5, 6})));                 // sums within one operand
  EXPECT_TRUE(keeps_einsum(einsum("ii,ij->j", {3, 3}, {3, 4})));                  // a diagonal
  EXPECT_TRUE(keeps_einsum(einsum("...ij,...jk->...ik", {1, 3, 4}, {2, 4, 5})));  // broadcasts
}

TEST(LowerEinsum, AttentionWrittenWithItIsOneStep) {
  Maker m;
  const ValueId q = m.input({1, 4, 32, 64}), k = m.input({1, 4, 32, 64}), v = m.input({1, 4, 32, 64});
  const ValueId scores = m.node("Einsum", {q, k}, {{"equation", std::string("b h i d, b h j d -> b h i j")}});
  const ValueId weights = m.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
  const ValueId mixed =
      m.node("Einsum", {weights, v}, {{"equation", std::string("b h i j, b h j d -> b h i d")}});
  m.output(m.node("Neg", {mixed}));
  expect_becomes(m.graph, {"lathe.Attention", "Neg"});
}

}  // namespace
}  // namespace lathe
