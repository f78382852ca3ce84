// SPDX-License-Identifier: Apache-2.0
// Products with weights stored in 8 and 4 bits, over sizes that fill no panel, block, word or tile.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

/// Few rows, more than a register tile takes, now and then more than one task has.
Shape data_shape(Random& random, int64_t depth) {
  Shape a = random.shape(0, 1, 3, false);
  const int64_t rows = random.chance(0.5) ? random.in(1, 8) : random.in(9, 40);
  a.insert(a.end(), {random.chance(0.05) ? random.in(190, 200) : rows, depth});
  return a;
}

Case make_bytes(Random& random) {
  Case test{make_node("WeightOnlyMatMul", 1, "lathe"), {}, {1, 2}};
  const int64_t depth = random.in(1, 300), columns = random.in(1, 150);
  const bool transposed = random.chance(0.4);
  if (transposed) test.node.attributes.set("transB", int64_t{1});
  test.inputs = {random.tensor(ElementType::f32, data_shape(random, depth)),
                 random.tensor(ElementType::i8, transposed ? Shape{columns, depth} : Shape{depth, columns}),
                 random.tensor(ElementType::f32, {columns})};
  if (random.chance(0.5)) test.inputs.push_back(random.tensor(ElementType::f32, {columns}));
  return test;
}

Case make_nibbles(Random& random) {
  Case test{make_node("MatMulNBits", 1, "com.microsoft"), {}, {1, 2, 3}};
  const int64_t depth = random.in(1, 300), columns = random.in(1, 150);
  const int64_t block = random.pick({16, 32, 64, 128, 256}), blocks = (depth + block - 1) / block;
  test.node.attributes.set("K", depth);
  test.node.attributes.set("N", columns);
  test.node.attributes.set("bits", int64_t{4});
  test.node.attributes.set("block_size", block);
  test.inputs = {random.tensor(ElementType::f32, data_shape(random, depth)),
                 random.tensor(ElementType::u8, {columns, blocks, block / 2}),
                 random.tensor(ElementType::f32, {columns * blocks}), Tensor()};
  if (random.chance(0.7)) test.inputs[3] = random.tensor(ElementType::u8, {columns * ((blocks + 1) / 2)});
  if (random.chance(0.5)) {
    test.inputs.push_back(Tensor());
    test.inputs.push_back(random.tensor(ElementType::f32, {columns}));
  }
  return test;
}

TEST(WeightOnlyProperty, EightBits) {
  check_cases(400, make_bytes, {{"simd:weight_only", 400}}, false);
}

TEST(WeightOnlyProperty, FourBits) {
  check_cases(400, make_nibbles, {{"simd:weight_only", 400}}, false);
}

/// 3 x 18 weights of 2 columns in blocks of 16, worked out by hand.
TEST(WeightOnly, BlocksAndZeroPointsLieAsMicrosoftSays) {
  Node node = make_node("MatMulNBits", 1, "com.microsoft");
  node.attributes.set("K", int64_t{18});
  node.attributes.set("N", int64_t{2});
  node.attributes.set("bits", int64_t{4});
  node.attributes.set("block_size", int64_t{16});
  std::vector<uint8_t> stored(2 * 2 * 8, 0x88);
  stored[0] = 0xF1;                                 // column 0: weight 0 is 1, weight 1 is 15
  stored[8] = 0x80;                                 // weight 16 is 0 (second block)
  stored[16] = 0x83;                                // column 1: weight 0 is 3
  const std::vector<uint8_t> zeros = {0x28, 0x84};  // column 0: 8, 2; column 1: 4, 8
  std::vector<float> data(18, 0.0F);
  data[0] = 1;
  data[1] = 10;
  data[16] = 100;
  const std::vector<Tensor> inputs = {Tensor::from<float>({1, 18}, std::span<const float>(data)),
                                      Tensor::from<uint8_t>({2, 2, 8}, std::span<const uint8_t>(stored)),
                                      Tensor::from<float>({4}, {0.5F, 2.0F, 1.0F, 0.25F}),
                                      Tensor::from<uint8_t>({2}, std::span<const uint8_t>(zeros))};
  // 0: 1 * 0.5 * (1 - 8) + 10 * 0.5 * (15 - 8) + 100 * 2 * (0 - 2); 1: 1 * (3 - 4) + 10 * (8 - 4) + 0
  const Tensor expected = Tensor::from<float>({1, 2}, {-368.5F, 39.0F});
  const auto reference = run_node(node, inputs);
  ASSERT_TRUE(reference.ok()) << reference.error().text();
  expect_near((*reference)[0].tensor, expected, 0);
  Accepted accepted;
  EXPECT_TRUE(check({node, inputs, {1, 2, 3}}, accepted));
  EXPECT_GE(accepted["simd:weight_only"], 1);
}

}  // namespace
}  // namespace lathe::test
