// SPDX-License-Identifier: Apache-2.0
// Shapes, element types, half precision and tensors.
#include "engine/tensor/tensor.h"

#include <array>
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <limits>

namespace lathe {
namespace {

TEST(Shape, CountsWithoutOverflow) {
  EXPECT_EQ(checked_element_count(Shape{2, 3}), 6);
  EXPECT_EQ(checked_element_count(Shape{}), 1);
  EXPECT_EQ(checked_element_count(Shape{int64_t{1} << 40, int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(checked_element_count(Shape{1, -1}), std::nullopt);
  EXPECT_EQ(checked_element_count(Shape{1 << 30, 1 << 30, 0}), 0);
}

TEST(Shape, TextBothWays) {
  EXPECT_EQ(to_string(Shape{1, 3, 224}), "1x3x224");
  EXPECT_EQ(parse_shape("1x3x224").value(), (Shape{1, 3, 224}));
  EXPECT_EQ(parse_shape("1,3").value(), (Shape{1, 3}));
  EXPECT_EQ(parse_shape("scalar").value(), Shape{});
  for (const char* bad : {"1x", "axb", "-1x2", "1x2,3", "99999999999999999999"})
    EXPECT_FALSE(parse_shape(bad).ok()) << bad;
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast(Shape{2, 1, 4}, Shape{3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast(Shape{0}, Shape{1}), Shape{0});
  EXPECT_EQ(broadcast(Shape{2}, Shape{3}), std::nullopt);
  EXPECT_EQ(broadcast_strides(Shape{3, 1}, Shape{2, 3, 4}), (std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(normalize_axis(-1, 3), 2);
  EXPECT_EQ(normalize_axis(3, 3), std::nullopt);
}

TEST(ElementType, NamesBothWays) {
  for (int number = 1; number <= static_cast<int>(ElementType::i2); ++number) {
    const auto type = element_type_from_onnx(number).value();
    EXPECT_EQ(parse_element_type(to_string(type)), type);
    EXPECT_EQ(parse_element_type(onnx_name(type)), type);
  }
  EXPECT_EQ(parse_element_type("float32"), ElementType::f32);
  EXPECT_EQ(parse_element_type("float33"), std::nullopt);
  EXPECT_EQ(element_type_from_onnx(0), std::nullopt);
  EXPECT_EQ(element_type_from_onnx(1000), std::nullopt);
}

TEST(Half, EveryF16SurvivesF32) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_bits_to_f32(static_cast<uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(f16_bits_to_f32(f32_to_f16_bits(value))));
    else
      EXPECT_EQ(f32_to_f16_bits(value), bits);
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_f16_bits(1 + 0x1p-11f), 0x3c00);      // half way: to even
  EXPECT_EQ(f32_to_f16_bits(1 + 3 * 0x1p-11f), 0x3c02);  // half way: to even, up
  EXPECT_EQ(f32_to_f16_bits(65519.0f), 0x7bff);          // largest
  EXPECT_EQ(f32_to_f16_bits(65520.0f), 0x7c00);          // rounds to infinity
  EXPECT_EQ(f32_to_f16_bits(0x1p-25f), 0);               // half of the smallest: to even
  EXPECT_EQ(f32_to_f16_bits(-0x1.8p-25f), 0x8001);
  EXPECT_EQ(f32_to_bf16_bits(1 + 0x1p-8f), 0x3f80);
  EXPECT_EQ(f32_to_bf16_bits(1 + 3 * 0x1p-8f), 0x3f82);
  EXPECT_TRUE(std::isnan(bf16_bits_to_f32(f32_to_bf16_bits(std::numeric_limits<float>::signaling_NaN()))));
}

TEST(Tensor, RefusesSizesThatDoNotExist) {
  EXPECT_EQ(Tensor::allocate(ElementType::f64, {int64_t{1} << 61}).error().kind, ErrorKind::resource);
  EXPECT_EQ(Tensor::allocate(ElementType::f32, {-1}).error().kind, ErrorKind::resource);
}

TEST(Tensor, ConvertsElements) {
  EXPECT_EQ(Tensor::from<uint8_t>({2}, {1, 255}).to_int64(), (std::vector<int64_t>{1, 255}));
  EXPECT_EQ(Tensor::from<bool>({2}, {true, false}).to_double(), (std::vector<double>{1, 0}));
  EXPECT_EQ(Tensor::from<F16>({1}, {F16(0.5f)}).to_double(), std::vector<double>{0.5});
  EXPECT_TRUE(Tensor::of_strings({1}, {"1"}).to_int64().empty());
}

TEST(Tensor, ReshapeSharesBytes) {
  const Tensor tensor = Tensor::from<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor flat = tensor.reshaped({6});
  EXPECT_EQ(flat.raw(), tensor.raw());
  EXPECT_EQ(flat.shape(), Shape{6});
}

TEST(Tensor, BytesMayBeginAnywhere) {
  Buffer bytes = Buffer::allocate(64).value();
  const std::array<float, 3> elements{1.5F, -2.0F, 3.25F};
  std::memcpy(bytes.mutable_data() + 3, elements.data(), sizeof(elements));
  const Tensor tensor = Tensor::wrap(ElementType::f32, {3}, bytes.slice(3, sizeof(elements)));
  const Tensor copy = tensor;
  EXPECT_EQ(tensor.buffer().data(), bytes.data() + 3);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % alignof(float), 0U);
  EXPECT_THAT(tensor.data<float>(), testing::ElementsAreArray(elements));
  EXPECT_EQ(copy.raw(), tensor.raw()) << "copied once for all";
  EXPECT_EQ(copy.reshaped({1, 3}).raw(), tensor.raw());
}

}  // namespace
}  // namespace lathe
