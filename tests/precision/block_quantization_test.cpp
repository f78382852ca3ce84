// SPDX-License-Identifier: Apache-2.0
// Weights in blocks of 4 bits: numbers and bytes worked out by hand.
#include "engine/precision/block_quantization.h"

#include <cmath>
#include <gtest/gtest.h>

#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

TEST(BlockQuantization, WeightsOnAGridComeBackExactly) {
  std::vector<float> weights;
  for (int i = 0; i < 16; ++i) weights.push_back(0.25F * static_cast<float>(i - 5));
  std::vector<uint8_t> stored(16);
  const QuantizedBlock block = quantize_block(weights, stored);
  EXPECT_FLOAT_EQ(block.scale, 0.25F);
  EXPECT_EQ(block.zero_point, 5);
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(stored[i], i);
}

TEST(BlockQuantization, ABlockOfZerosStaysZero) {
  std::vector<uint8_t> stored(16, 7);
  const QuantizedBlock block = quantize_block(std::vector<float>(16, 0.0F), stored);
  for (const uint8_t each : stored) EXPECT_EQ(block.scale * static_cast<float>(each - block.zero_point), 0);
}

TEST(BlockQuantization, TheLargestNumbersDoNotOverflow) {
  std::vector<float> weights(16, 3e38F);
  weights[3] = -3e38F;
  std::vector<uint8_t> stored(16);
  const QuantizedBlock block = quantize_block(weights, stored);
  for (size_t i = 0; i < 16; ++i)
    EXPECT_NEAR(block.scale * static_cast<float>(stored[i] - block.zero_point), weights[i], 3e37F);
}

/// Weights of a normal distribution: cutting off a little of the largest is worth more than keeping it.
TEST(BlockQuantization, ClippingBeatsTheLargestMagnitude) {
  const Tensor weights = random_tensor({64, 256}, 5, 0.1F);
  double chosen = 0, widest = 0;
  std::vector<uint8_t> stored(64);
  for (size_t row = 0; row < 256; ++row) {
    const auto block = weights.data<float>().subspan(row * 64, 64);
    const QuantizedBlock found = quantize_block(block, stored);
    const auto [low, high] = std::minmax_element(block.begin(), block.end());
    const float step = (*high - *low) / 15, zero = std::nearbyint(-*low / step);
    for (size_t i = 0; i < block.size(); ++i) {
      const float own = found.scale * static_cast<float>(stored[i] - found.zero_point);
      const float plain = step * (std::clamp(std::nearbyint(block[i] / step) + zero, 0.0F, 15.0F) - zero);
      chosen += (own - block[i]) * (own - block[i]);
      widest += (plain - block[i]) * (plain - block[i]);
    }
  }
  EXPECT_LT(chosen, 0.95 * widest);
}

/// Two columns of 18 weights in blocks of 16: nibbles low first, zero points two a byte, the rest filled up.
TEST(BlockQuantization, LayoutIsThatOfMatMulNBits) {
  Tensor weights = std::move(Tensor::allocate(ElementType::f32, {18, 2})).value();
  const auto numbers = weights.mutable_data<float>();
  for (int64_t k = 0; k < 18; ++k) {
    // Column 0: 0..15, then -8 and 7. Column 1: -15..0, then 2 and 0.
    numbers[static_cast<size_t>(2 * k)] = k < 16 ? static_cast<float>(k) : k == 16 ? -8.0F : 7.0F;
    numbers[static_cast<size_t>(2 * k + 1)] = k < 16 ? static_cast<float>(k - 15) : k == 16 ? 30.0F : 0.0F;
  }
  const auto packed = quantize_blocks(weights, false, 16);
  ASSERT_TRUE(packed.ok()) << packed.error().text();
  EXPECT_EQ(packed->stored.shape(), (Shape{2, 2, 8}));
  const auto bytes = packed->stored.data<uint8_t>();
  const std::vector<uint8_t> ascending = {0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE};
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin(), bytes.begin() + 8), ascending);
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin() + 16, bytes.begin() + 24), ascending);
  EXPECT_EQ(bytes[8], 0xF0);  // -8 and 7
  EXPECT_EQ(bytes[9], 0x88);  // filled with the zero point
  EXPECT_EQ(bytes[24], 0x0F);
  EXPECT_EQ(packed->scales.to_double(), (std::vector<double>{1, 1, 1, 2}));
  const auto zeros = packed->zero_points.data<uint8_t>();
  EXPECT_EQ(std::vector<int>(zeros.begin(), zeros.end()), (std::vector<int>{0x80, 0x0F}));
}

}  // namespace
}  // namespace lathe
