// SPDX-License-Identifier: Apache-2.0
#include "tests/data/image_files.h"

#include <cstdio>
#include <png.h>
#include <tiffio.h>
#include <webp/encode.h>
// clang-format off
#include <jpeglib.h>
// clang-format on

#include <cstring>
#include <fstream>

namespace lathe {

std::vector<uint8_t> two_colours(int width, int height, std::vector<uint8_t> left,
                                 std::vector<uint8_t> right) {
  std::vector<uint8_t> rgb;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto& colour = x < width / 2 ? left : right;
      rgb.insert(rgb.end(), colour.begin(), colour.end());
    }
  return rgb;
}

void write_png(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb) {
  png_image png;
  std::memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(width);
  png.height = static_cast<png_uint_32>(height);
  png.format = PNG_FORMAT_RGB;
  png_image_write_to_file(&png, path.c_str(), 0, rgb.data(), 0, nullptr);
}

void write_jpeg(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb) {
  jpeg_compress_struct codec;
  jpeg_error_mgr errors;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  FILE* file = std::fopen(path.c_str(), "wb");
  jpeg_stdio_dest(&codec, file);
  codec.image_width = static_cast<JDIMENSION>(width);
  codec.image_height = static_cast<JDIMENSION>(height);
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, 100, TRUE);
  jpeg_start_compress(&codec, TRUE);
  while (codec.next_scanline < codec.image_height) {
    auto* row = const_cast<uint8_t*>(rgb.data()) + codec.next_scanline * static_cast<size_t>(width) * 3;
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  std::fclose(file);
}

void write_webp(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb) {
  uint8_t* encoded = nullptr;
  const size_t size = WebPEncodeLosslessRGB(rgb.data(), width, height, width * 3, &encoded);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(encoded), static_cast<std::streamsize>(size));
  WebPFree(encoded);
}

void write_tiff(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb) {
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  for (int y = 0; y < height; ++y)
    TIFFWriteScanline(
        tiff, const_cast<uint8_t*>(rgb.data()) + static_cast<size_t>(y) * static_cast<size_t>(width) * 3,
        static_cast<uint32_t>(y), 0);
  TIFFClose(tiff);
}

}  // namespace lathe
