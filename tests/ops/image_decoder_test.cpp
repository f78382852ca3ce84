// SPDX-License-Identifier: Apache-2.0
// The images are 2 x 2: red, green / blue, (10, 20, 30), but where stated.
#include <gmock/gmock.h>

#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

const Bytes four_colours = {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30};

/// Only the kernel: bytes that no decoder takes are no matter of inference.
Result<Tensor> decode(const std::string& encoded, const char* format = nullptr) {
  Node node = make_node("ImageDecoder", 20);
  if (format != nullptr) node.attributes.set("pixel_format", std::string(format));
  node.inputs = {ValueId(0)};
  node.outputs = {ValueId(1)};
  const auto* data = reinterpret_cast<const uint8_t*>(encoded.data());
  const RuntimeValue input(Tensor::from<uint8_t>({static_cast<int64_t>(encoded.size())},
                                                 std::span<const uint8_t>(data, encoded.size())));
  LATHE_ASSIGN(auto values, run_reference(*operators().find(node), node, std::array{&input}));
  return values[0].tensor;
}

Bytes pixels(const std::string& encoded, const char* format = nullptr) {
  const auto image = decode(encoded, format);
  EXPECT_TRUE(image.ok()) << image.error().text();
  if (!image.ok()) return {};
  const auto data = image->data<uint8_t>();
  return {data.begin(), data.end()};
}

std::string refusal(const std::string& encoded) {
  const auto image = decode(encoded);
  EXPECT_FALSE(image.ok());
  return image.ok() ? "" : image.error().text();
}

std::string little(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

/// `extra`: masks or palette.
std::string bmp(int width, int height, int bits, int compression, const std::string& extra,
                const std::string& data, int colours = 0) {
  return "BM" + little(0, 8) + little(static_cast<uint32_t>(54 + extra.size()), 4) + little(40, 4) +
         little(static_cast<uint32_t>(width), 4) + little(static_cast<uint32_t>(height), 4) + little(1, 2) +
         little(static_cast<uint32_t>(bits), 2) + little(static_cast<uint32_t>(compression), 4) +
         little(0, 12) + little(static_cast<uint32_t>(colours), 4) + little(0, 4) + extra + data;
}

const std::string bmp24 = bmp(2, 2, 24, 0, "", "\xff\0\0\x1e\x14\x0a\0\0\0\0\xff\0\xff\0\0\0"s);
const std::string ppm = "P6 2 2 255\n\xff\0\0\0\xff\0\0\0\xff\x0a\x14\x1e"s;

TEST(ImageDecoder, PixelFormats) {
  for (const std::string& encoded : {bmp24, ppm}) {
    EXPECT_EQ(pixels(encoded), four_colours);
    EXPECT_EQ(pixels(encoded, "RGB"), four_colours);
    EXPECT_THAT(pixels(encoded, "BGR"), ElementsAre(0, 0, 255, 0, 255, 0, 255, 0, 0, 30, 20, 10));
    // 255 * 19595 / 65536 = 76.2, 149.7, 29.07; (195950 + 769400 + 224130) / 65536 = 18.15.
    EXPECT_THAT(pixels(encoded, "Grayscale"), ElementsAre(76, 150, 29, 18));
    EXPECT_EQ(decode(encoded, "Grayscale")->shape(), (Shape{2, 2, 1}));
    EXPECT_EQ(decode(encoded)->shape(), (Shape{2, 2, 3}));
  }
}

TEST(ImageDecoder, WrongInputsAreRefused) {
  const auto bytes = [](const std::string& text) {
    const auto* data = reinterpret_cast<const uint8_t*>(text.data());
    return Tensor::from<uint8_t>({static_cast<int64_t>(text.size())}, {data, text.size()});
  };
  EXPECT_FALSE(run_node(make_node("ImageDecoder", 20), {bytes(bmp24).reshaped({1, 70})}).ok());
  EXPECT_FALSE(run_node(make_node("ImageDecoder", 20), {Tensor::from<float>({1}, {1})}).ok());
  Node node = make_node("ImageDecoder", 20);
  node.attributes.set("pixel_format", "YUV"s);
  EXPECT_FALSE(run_node(node, {bytes(bmp24)}).ok());
}

TEST(ImageDecoder, BmpKinds) {
  const std::string palette = "\0\0\xff\0\0\xff\0\0\xff\0\0\0\x1e\x14\x0a\0"s;
  EXPECT_EQ(pixels(bmp(2, 2, 8, 0, palette, "\2\3\0\0\0\1\0\0"s, 4)), four_colours);
  EXPECT_EQ(pixels(bmp(2, -2, 4, 0, palette, "\x01\0\0\0\x23\0\0\0"s, 4)), four_colours);
  EXPECT_THAT(pixels(bmp(2, 1, 1, 0, palette.substr(0, 8), "\x40\0\0\0"s)),
              ElementsAre(255, 0, 0, 0, 255, 0));
  EXPECT_THAT(pixels(bmp(1, 1, 16, 0, "", "\x1f\x7c\0\0"s)), ElementsAre(255, 0, 255));
  EXPECT_THAT(
      pixels(bmp(1, 1, 16, 3, little(0xf800, 4) + little(0x7e0, 4) + little(0x1f, 4), "\xe0\x07\0\0"s)),
      ElementsAre(0, 255, 0));
  EXPECT_THAT(pixels(bmp(1, 1, 32, 0, "", "\x1e\x14\x0a\x80")), ElementsAre(10, 20, 30));
  // Runs: two pixels as they are, end of row, one pixel twice, end.
  EXPECT_THAT(pixels(bmp(3, 2, 8, 1, palette, "\0\3\2\3\0\0\0\0\2\1\0\1"s, 4)),
              ElementsAre(0, 255, 0, 0, 255, 0, 255, 0, 0, 0, 0, 255, 10, 20, 30, 255, 0, 0));
  EXPECT_THAT(pixels(bmp(3, 1, 4, 2, palette, "\3\x12\0\1"s, 4)),
              ElementsAre(0, 255, 0, 0, 0, 255, 0, 255, 0));
  EXPECT_THAT(refusal(bmp(2, 1, 8, 0, palette, "\2\4\0\0"s, 4)), HasSubstr("colour 4"));
  EXPECT_THAT(refusal(bmp(2, 1, 8, 1, palette, "\3\2\0\1"s, 4)), HasSubstr("beyond its size"));
  EXPECT_THAT(refusal(bmp(2, 1, 8, 4, palette, "")), HasSubstr("compression 4"));
}

TEST(ImageDecoder, PnmKinds) {
  EXPECT_THAT(pixels("P1 # a comment\n2 1\n10", "Grayscale"), ElementsAre(0, 255));
  EXPECT_THAT(pixels("P2 3 1 4 0 1 4", "Grayscale"), ElementsAre(0, 64, 255));
  EXPECT_THAT(pixels("P3 1 1 255\n10 20 30"), ElementsAre(10, 20, 30));
  EXPECT_THAT(pixels("P4 9 1\n\x7f\x80", "Grayscale"), ElementsAre(255, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(pixels("P5 1 1 65535\n\x80\0"s, "Grayscale"), ElementsAre(128));
  EXPECT_THAT(refusal("P3 1 1 255 1 2 256"), HasSubstr("damaged"));
  EXPECT_THAT(refusal("P5 1 1 0\n1"), HasSubstr("header"));
}

TEST(ImageDecoder, EveryCutIsRefused) {
  for (const std::string& encoded : {bmp24, ppm, bmp(3, 1, 4, 2, std::string(64, 'x'), "\3\x12\0\1"s)})
    for (size_t length = 0; length < encoded.size(); ++length)
      EXPECT_FALSE(decode(encoded.substr(0, length)).ok()) << length;
}

TEST(ImageDecoder, FlippedBytesAreRefusedOrAPicture) {
  for (const std::string& encoded : {bmp24, ppm})
    for (size_t at = 0; at < encoded.size(); ++at) {
      std::string damaged = encoded;
      damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
      [[maybe_unused]] const auto read_or_refused = decode(damaged);
    }
}

TEST(ImageDecoder, EnormousImagesClaimNoMemory) {
  EXPECT_THAT(refusal(bmp(0x7fffffff, 0x7fffffff, 24, 0, "", "abc")), HasSubstr("cut short"));
  EXPECT_THAT(refusal(bmp(0x7fffffff, 0x7fffffff, 8, 1, std::string(1024, 'x'), "abc")),
              HasSubstr("too large"));
  EXPECT_THAT(refusal("P5 2000000000 2000000000 255\nabc"), HasSubstr("cut short"));
  EXPECT_THAT(refusal("hello"), HasSubstr("'node' (ImageDecoder): encoded_stream is not a PNG"));
  EXPECT_THAT(refusal(""), HasSubstr("is not a PNG"));
}

}  // namespace
}  // namespace lathe::test
