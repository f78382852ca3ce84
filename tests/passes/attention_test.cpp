// SPDX-License-Identifier: Apache-2.0
// Attention as exporters spell it becomes one step, whatever transposes, slices and masks are around it.
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

using Ints = std::vector<int64_t>;

ValueId ints(Maker& m, const Ints& values) {
  Tensor tensor = Tensor::allocate(ElementType::i64, {static_cast<int64_t>(values.size())}).value();
  std::copy(values.begin(), values.end(), tensor.mutable_data<int64_t>().begin());
  return m.constant(std::move(tensor));
}

/// [1, length, heads * size] as [1, heads, length, size].
ValueId heads_of(Maker& m, ValueId x, int64_t heads, int64_t size, const Ints& perm) {
  return m.node("Transpose", {m.node("Reshape", {x, ints(m, {1, -1, heads, size})})}, {{"perm", perm}});
}

TEST(AttentionPass, ScaledAndMaskedWithTransposesOnEverySide) {
  Maker m;
  const int64_t heads = 3, size = 8;
  const ValueId q = heads_of(m, m.input({1, 19, 24}), heads, size, {0, 2, 1, 3});
  const ValueId k = heads_of(m, m.input({1, 70, 24}), heads, size, {0, 2, 3, 1});
  const ValueId v = heads_of(m, m.input({1, 70, 24}), heads, size, {0, 2, 1, 3});
  const ValueId scores = m.node("Mul", {m.node("MatMul", {q, k}), m.constant(Tensor::scalar(0.35F))});
  const ValueId masked = m.node("Add", {scores, m.input({1, 1, 1, 70})});
  const ValueId weighted = m.node("MatMul", {m.node("Softmax", {masked}, {{"axis", int64_t{-1}}}), v});
  const ValueId back = m.node("Transpose", {weighted}, {{"perm", Ints{0, 2, 1, 3}}});
  m.output(m.node("Reshape", {back, ints(m, {1, 19, 24})}));
  expect_becomes(m.graph, {"lathe.Attention", "Reshape"});
}

TEST(AttentionPass, OperandsAreReadThroughTheCutsOfOneProjection) {
  // As torch's in_proj: [length, 1, 3 * width] is cut in three along a new axis.
  Maker m;
  const int64_t length = 21, heads = 2, size = 5, width = heads * size;
  const ValueId whole = m.node("Relu", {m.input({length, 1, 3 * width})});
  const ValueId split = m.node("Reshape", {whole, ints(m, {length, 1, 3, width})});
  const ValueId stacked =
      m.node("Transpose", {m.node("Unsqueeze", {split, ints(m, {0})})}, {{"perm", Ints{3, 1, 2, 0, 4}}});
  const ValueId parts = m.node("Squeeze", {stacked, ints(m, {3})});
  const auto part = [&](int64_t i, const Ints& perm) {
    Tensor index = Tensor::allocate(ElementType::i64, {}).value();
    index.mutable_data<int64_t>()[0] = i;
    const ValueId cut = m.node("Gather", {parts, m.constant(index)}, {{"axis", int64_t{0}}});
    const ValueId split_heads = m.node("Reshape", {cut, ints(m, {length, heads, size})});
    return m.node("Transpose", {split_heads}, {{"perm", perm}});
  };
  const ValueId scores = m.node("MatMul", {part(0, {1, 0, 2}), part(1, {1, 2, 0})});
  const ValueId weighted =
      m.node("MatMul", {m.node("Softmax", {scores}, {{"axis", int64_t{2}}}), part(2, {1, 0, 2})});
  m.output(m.node("Transpose", {weighted}, {{"perm", Ints{1, 0, 2}}}));
  expect_becomes(m.graph, {"Relu", "lathe.Attention"});
}

TEST(AttentionPass, SharedKeysRepeatAlongHeads) {
  Maker m;
  const ValueId q = m.input({2, 4, 7, 16}), k = m.input({2, 1, 16, 33}), v = m.input({2, 1, 33, 6});
  const ValueId scores = m.node("MatMul", {q, k});
  m.output(m.node("MatMul", {m.node("Softmax", {scores}, {{"axis", int64_t{-1}}}), v}));
  expect_becomes(m.graph, {"lathe.Attention"});
}

TEST(AttentionPass, ScoresThatAreAnOutputAreWritten) {
  Maker m;
  const ValueId scores = m.node("MatMul", {m.input({2, 7, 16}), m.input({2, 16, 9})});
  const ValueId weights = m.node("Softmax", {scores}, {{"axis", int64_t{-1}}});
  m.output(weights);
  m.output(m.node("MatMul", {weights, m.input({2, 9, 6})}));
  expect_becomes(m.graph, {"MatMul", "Softmax", "MatMul"});
}

TEST(AttentionPass, SoftmaxOverAnotherAxisIsNoAttention) {
  Maker m;
  const ValueId scores = m.node("MatMul", {m.input({2, 7, 16}), m.input({2, 16, 9})});
  m.output(m.node("MatMul", {m.node("Softmax", {scores}, {{"axis", int64_t{1}}}), m.input({2, 9, 6})}));
  expect_becomes(m.graph, {"MatMul", "Softmax", "MatMul"});
}

TEST(AttentionPass, ScoresHundredsApart) {
  Maker m;
  const ValueId scores = m.node("MatMul", {m.input({45, 16}), m.input({16, 70})});
  const ValueId far = m.node("Mul", {scores, m.constant(Tensor::scalar(60.0F))});
  m.output(m.node("MatMul", {m.node("Softmax", {far}, {{"axis", int64_t{-1}}}), m.input({70, 24})}));
  expect_becomes(m.graph, {"lathe.Attention"});
}

TEST(AttentionPass, ManyThreadsShareTheQueriesOfOneHead) {
  Maker m;
  const ValueId scores = m.node("MatMul", {m.input({45, 16}), m.input({16, 70})});
  m.output(m.node("MatMul", {m.node("Softmax", {scores}, {{"axis", int64_t{-1}}}), m.input({70, 40})}));
  expect_becomes(m.graph, {"lathe.Attention"});
}

}  // namespace
}  // namespace lathe
