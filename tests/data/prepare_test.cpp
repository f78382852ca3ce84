// SPDX-License-Identifier: Apache-2.0
#include "engine/data/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>

#include "engine/data/resample.h"

namespace lathe {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor counting(Shape shape) {
  Tensor tensor = Tensor::allocate(ElementType::u8, std::move(shape)).value();
  std::iota(tensor.mutable_data<uint8_t>().begin(), tensor.mutable_data<uint8_t>().end(), uint8_t{0});
  return tensor;
}
Result<Tensor> prepare(const Tensor& raw, const Recipe& recipe, ElementType type = ElementType::f32) {
  std::optional<ImageGeometry> geometry;
  return prepare_array(raw, recipe, type, geometry);
}

TEST(Prepare, NothingAskedOnlyConverts) {
  const Tensor out = prepare(counting({1, 4}), {}).value();
  EXPECT_EQ(out.type(), ElementType::f32);
  EXPECT_THAT(out.to_double(), ElementsAre(0, 1, 2, 3));
  const Tensor large = Tensor::from<int64_t>({1}, {std::numeric_limits<int64_t>::max()});
  EXPECT_EQ(prepare(large, {}, ElementType::i64).value().to_int64()[0], std::numeric_limits<int64_t>::max());
}

TEST(Prepare, ScalesThenNormalizesPerChannel) {
  Recipe recipe;
  recipe.scale = 0.5;
  recipe.mean = {0, 1};
  recipe.std = {1, 2};
  EXPECT_THAT(prepare(counting({1, 2, 1, 2}), recipe).value().to_double(), ElementsAre(0, 0.5, 0, 0.25));
  recipe.layout = Layout::nhwc;
  EXPECT_THAT(prepare(counting({1, 1, 2, 2}), recipe).value().to_double(), ElementsAre(0, -0.25, 1, 0.25));
  EXPECT_THAT(prepare(counting({1, 3, 1, 1}), Recipe{.mean = {1, 2}}).error().what,
              HasSubstr("2 numbers for 3 channels"));
}

TEST(Prepare, RepeatsAnAxis) {
  Recipe recipe;
  recipe.repeat = Repeat{1, 3};
  const Tensor out = prepare(counting({1, 1, 1, 2}), recipe).value();
  EXPECT_EQ(out.shape(), (Shape{1, 3, 1, 2}));
  EXPECT_THAT(out.to_double(), ElementsAre(0, 1, 0, 1, 0, 1));
  recipe.repeat = Repeat{7, 2};
  EXPECT_THAT(prepare(counting({1, 1}), recipe).error().what, HasSubstr("no axis 7"));
  recipe.repeat = Repeat{0, int64_t{1} << 62};
  EXPECT_EQ(prepare(counting({4, 1}), recipe).error().kind, ErrorKind::resource);
}

TEST(Prepare, PadsRightAndBottom) {
  Recipe recipe;
  recipe.pad = Pad{0, 0, 2, 9};
  const Tensor out = prepare(counting({1, 1, 1, 3}), recipe).value();
  EXPECT_EQ(out.shape(), (Shape{1, 1, 2, 4}));
  EXPECT_THAT(out.to_double(), ElementsAre(0, 1, 2, 9, 9, 9, 9, 9));
  EXPECT_THAT(prepare(counting({1, 3}), recipe).error().what, HasSubstr("pad needs data with four axes"));
}

TEST(Prepare, ChangesLayoutBothWays) {
  Recipe recipe;
  recipe.array_layout = Layout::nhwc;
  recipe.layout = Layout::nchw;
  const Tensor nchw = prepare(counting({1, 2, 2, 3}), recipe, ElementType::u8).value();
  EXPECT_EQ(nchw.shape(), (Shape{1, 3, 2, 2}));
  EXPECT_THAT(nchw.to_int64(), ElementsAre(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11));
  std::swap(recipe.array_layout, recipe.layout);
  EXPECT_EQ(prepare(nchw, recipe, ElementType::u8).value().to_int64(), counting({12}).to_int64());
}

TEST(Prepare, IntegersThatDoNotFitAreErrors) {
  EXPECT_THAT(convert_elements(Tensor::from<float>({2}, {0, 300}), ElementType::u8).error().what,
              HasSubstr("element 1 is 300"));
  EXPECT_THAT(convert_elements(Tensor::from<float>({2}, {2.5f, -0.4f}), ElementType::u8).value().to_int64(),
              ElementsAre(2, 0));
  EXPECT_FALSE(
      convert_elements(Tensor::scalar(std::numeric_limits<float>::quiet_NaN()), ElementType::i64).ok());
  EXPECT_FALSE(convert_elements(Tensor::scalar(9.3e18), ElementType::i64).ok());
  EXPECT_TRUE(convert_elements(Tensor::scalar(-9.223372036854775808e18), ElementType::i64).ok());
  EXPECT_THAT(convert_elements(Tensor::from<float>({2}, {0.25f, 0}), ElementType::boolean).value().to_int64(),
              ElementsAre(1, 0));
  EXPECT_FALSE(convert_elements(Tensor::of_strings({1}, {"1"}), ElementType::f32).ok());
}

TEST(Resample, KeepsConstantsAndInterpolates) {
  Grid grid{{2}, {0, 1}};
  resample_axis(grid, 0, 4);
  EXPECT_THAT(grid.values, ElementsAre(0, 0.25, 0.75, 1));
  Grid flat{{1, 7, 3}, std::vector<double>(21, 5)};
  resample_axis(flat, 1, 3);
  EXPECT_EQ(flat.shape, (Shape{1, 3, 3}));
  for (const double value : flat.values) EXPECT_NEAR(value, 5, 1e-12);
}

TEST(Resample, ShrinkingUsesEveryPixel) {
  Grid grid{{4}, {0, 0, 8, 0}};
  resample_axis(grid, 0, 2);  // weights 1/8 3/8 3/8 1/8 cut off at the border: 3/7 3/7 1/7
  EXPECT_THAT(grid.values, ElementsAre(DoubleNear(8.0 / 7, 1e-12), DoubleNear(24.0 / 7, 1e-12)));
}

TEST(Resize, OfImagesKeepsGeometry) {
  Image image{4, 2, std::vector<uint8_t>(24, 100)};
  Recipe recipe;
  recipe.resize = Resize{8, 8, 0, 0, true};
  std::optional<ImageGeometry> geometry;
  const Tensor out = prepare_image(image, recipe, {}, geometry).value();
  EXPECT_EQ(out.shape(), (Shape{1, 3, 4, 8}));
  ASSERT_TRUE(geometry.has_value());
  EXPECT_EQ(geometry->original_width, 4);
  EXPECT_EQ(geometry->scale_x, 2);
  recipe.resize = Resize{0, 0, 4, 6, false};
  EXPECT_EQ(prepare_image(image, recipe, {}, geometry).value().shape(), (Shape{1, 3, 3, 6}));
}

TEST(Image, ChannelsInTheOrderAskedFor) {
  const Image image{1, 1, {10, 20, 30}};
  std::optional<ImageGeometry> geometry;
  Recipe recipe;
  EXPECT_THAT(prepare_image(image, recipe, {}, geometry).value().to_double(), ElementsAre(10, 20, 30));
  recipe.channels = Channels::bgr;
  EXPECT_THAT(prepare_image(image, recipe, {}, geometry).value().to_double(), ElementsAre(30, 20, 10));
  recipe.channels = Channels::grey;
  EXPECT_THAT(prepare_image(image, recipe, {}, geometry).value().to_double(), ElementsAre(18));
}

}  // namespace
}  // namespace lathe
