// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <png.h>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

/// libpng reports errors by a jump; nothing with a destructor may live in the functions that are jumped out
/// of. Its simplified interface is not used: it applies gamma and blends with a background.
struct PngReader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ImageBytes rest;
  std::jmp_buf escape;
  char message[128] = "is a damaged PNG image";

  PngReader() = default;
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void png_failed(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::strncpy(reader->message, message, sizeof reader->message - 1);
  std::longjmp(reader->escape, 1);
}
void png_silent(png_structp, png_const_charp) {}

void png_read(png_structp png, png_bytep to, size_t size) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (size > reader->rest.size()) png_error(png, "is a PNG image cut short");
  std::memcpy(to, reader->rest.data(), size);
  reader->rest = reader->rest.subspan(size);
}

bool png_begin(PngReader& reader) {
  if (setjmp(reader.escape) != 0) return false;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, png_failed, png_silent);
  if (reader.png == nullptr) return false;
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) return false;
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // allocate_image limits the pixels
  png_set_read_fn(reader.png, &reader, png_read);
  png_read_info(reader.png, reader.info);
  return true;
}

bool png_read_pixels(PngReader& reader, uint8_t* pixels, size_t row_bytes, size_t rows) {
  if (setjmp(reader.escape) != 0) return false;
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_strip_alpha(reader.png);
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "is of an unknown kind");
  for (int pass = 0; pass < passes; ++pass)
    for (size_t row = 0; row < rows; ++row) png_read_row(reader.png, pixels + row * row_bytes, nullptr);
  png_read_end(reader.png, nullptr);
  return true;
}

}  // namespace

Status decode_png(ImageBytes bytes, Image& image) {
  PngReader reader;
  reader.rest = bytes;
  if (!png_begin(reader)) return bad_input("", reader.message);
  LATHE_TRY(allocate_image(image, png_get_image_width(reader.png, reader.info),
                           png_get_image_height(reader.png, reader.info)));
  if (!png_read_pixels(reader, image.pixels.data(), static_cast<size_t>(image.width) * 3,
                       static_cast<size_t>(image.height)))
    return bad_input("", reader.message);
  return {};
}

}  // namespace lathe
