// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/image.h"

#include <new>
#include <string>
#include <string_view>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

constexpr int64_t max_pixels = int64_t{1} << 28;

Status decode(ImageBytes bytes, Image& image) {
  using namespace std::string_view_literals;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\x89PNG")) return decode_png(bytes, image);
  if (text.starts_with("\xff\xd8\xff")) return decode_jpeg(bytes, image);
  if (text.starts_with("RIFF") && text.substr(0, 12).ends_with("WEBP")) return decode_webp(bytes, image);
  for (const std::string_view start : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv})
    if (text.starts_with(start)) return decode_tiff(bytes, image);
  if (text.starts_with("\0\0\0\x0cjP  \r\n\x87\n"sv) || text.starts_with("\xff\x4f\xff\x51"))
    return decode_jpeg2000(bytes, image);
  if (text.starts_with("BM")) return decode_bmp(bytes, image);
  if (text.size() > 2 && text[0] == 'P' && text[1] >= '1' && text[1] <= '6') return decode_pnm(bytes, image);
  return bad_input("", "is not a PNG, JPEG, JPEG 2000, WebP, TIFF, BMP or PNM image");
}

}  // namespace

Status allocate_image(Image& image, int64_t width, int64_t height) {
  if (width <= 0 || height <= 0) return bad_input("", "is empty");
  if (width > max_pixels / height)
    return resource_error(
        "", "is too large: " + std::to_string(width) + "x" + std::to_string(height) + " pixels");
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<size_t>(width * height * 3), 0);
  return {};
}

Result<Image> decode_image(std::span<const std::byte> bytes) {
  try {
    Image image;
    LATHE_TRY(decode(bytes, image));
    return image;
  } catch (const std::bad_alloc&) {
    return resource_error("", "is an image too large for the memory there is");
  }
}

}  // namespace lathe
