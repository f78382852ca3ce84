// SPDX-License-Identifier: Apache-2.0
#include "engine/data/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/files.h"
#include "tests/data/image_files.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

struct Format {
  const char* ending;
  void (*write)(const std::filesystem::path&, int, int, const std::vector<uint8_t>&);
  int tolerance;
};

class ImageFormat : public ::testing::TestWithParam<Format> {
 protected:
  static constexpr int width = 32, height = 16;
  const std::vector<uint8_t> rgb_ = two_colours(width, height, {200, 100, 50}, {10, 220, 130});
};

TEST_P(ImageFormat, ReadsPixelsInOrder) {
  const TemporaryFolder folder;
  const auto path = folder / (std::string("a") + GetParam().ending);
  GetParam().write(path, width, height, rgb_);
  EXPECT_TRUE(is_image_file(path));
  const auto image = read_image(path);
  ASSERT_TRUE(image.ok()) << image.error().text();
  EXPECT_EQ(image->width, width);
  EXPECT_EQ(image->height, height);
  ASSERT_EQ(image->pixels.size(), rgb_.size());
  // JPEG's coarse colours smear at the border between the halves.
  for (int x : {0, 5, width - 6, width - 1})
    for (int channel = 0; channel < 3; ++channel) {
      const auto at = static_cast<size_t>((7 * width + x) * 3 + channel);
      EXPECT_NEAR(image->pixels[at], rgb_[at], GetParam().tolerance) << x << " " << channel;
    }
}

TEST_P(ImageFormat, DamageIsAnErrorOrAPicture) {
  const TemporaryFolder folder;
  const auto path = folder / (std::string("a") + GetParam().ending);
  GetParam().write(path, width, height, rgb_);
  const std::string good = read_file(path).value();
  for (size_t length = 0; length < good.size(); length += 1 + good.size() / 60) {
    const auto cut = read_image(folder.write("cut", good.substr(0, length)));
    if (!cut.ok()) {
      EXPECT_THAT(cut.error().text(), HasSubstr("cut"));
    }
  }
  for (size_t at = 0; at < good.size(); at += 1 + good.size() / 200) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    [[maybe_unused]] const auto read_or_refused = read_image(folder.write("flip", damaged));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ImageFormat,
                         ::testing::Values(Format{".png", write_png, 0}, Format{".jpg", write_jpeg, 4},
                                           Format{".webp", write_webp, 0}, Format{".tiff", write_tiff, 0}),
                         [](const auto& info) { return std::string(info.param.ending + 1); });

TEST(Image, WhatIsNoImageIsNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(read_image(folder.write("a.png", "hello")).error().text(), HasSubstr("a.png: is not a PNG"));
  EXPECT_FALSE(read_image(folder / "missing.png").ok());
  EXPECT_FALSE(is_image_file("a.txt"));
  EXPECT_TRUE(is_image_file("A.JPEG"));
}

}  // namespace
}  // namespace lathe
