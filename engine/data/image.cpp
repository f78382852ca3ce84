// SPDX-License-Identifier: Apache-2.0
#include "engine/data/image.h"

#include <png.h>
#include <tiffio.h>
#include <webp/decode.h>

// After <cstdio>: jpeglib.h does not include what it needs.
#include <cstdio>
// clang-format off
#include <jpeglib.h>
// clang-format on

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <memory>

#include "engine/base/files.h"

namespace lathe {
namespace {

using Bytes = std::span<const std::byte>;
constexpr int64_t max_pixels = int64_t{1} << 28;

const uint8_t* data_of(Bytes bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

/// Sizes the image; an error for sizes that are not to be decoded.
Status prepare(Image& image, int64_t width, int64_t height) {
  if (width <= 0 || height <= 0) return bad_input("", "is empty");
  if (width > max_pixels / height)
    return resource_error(
        "", "is too large: " + std::to_string(width) + "x" + std::to_string(height) + " pixels");
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<size_t>(width * height * 3), 0);
  return {};
}

Status decode_png(Bytes bytes, Image& image) {
  png_image png;
  std::memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) return bad_input("", png.message);
  png.format = PNG_FORMAT_RGB;
  Status prepared = prepare(image, png.width, png.height);
  if (!prepared.ok()) {
    png_image_free(&png);
    return prepared;
  }
  if (!png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr))
    return bad_input("", png.message);
  return {};
}

/// libjpeg reports errors by a jump; nothing with a destructor may live in the function that is jumped out
/// of.
struct JpegState {
  jpeg_decompress_struct codec;
  jpeg_error_mgr errors;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void jpeg_failed(j_common_ptr codec) {
  auto* state = static_cast<JpegState*>(codec->client_data);
  (*codec->err->format_message)(codec, state->message);
  std::longjmp(state->escape, 1);
}
void jpeg_silent(j_common_ptr) {}

bool jpeg_begin(JpegState& state, Bytes bytes) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_create_decompress(&state.codec);
  jpeg_mem_src(&state.codec, data_of(bytes), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&state.codec, TRUE);
  state.codec.out_color_space = JCS_RGB;
  return true;
}

bool jpeg_read_rows(JpegState& state, uint8_t* pixels, size_t row_bytes) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_start_decompress(&state.codec);
  while (state.codec.output_scanline < state.codec.output_height) {
    JSAMPROW row = pixels + state.codec.output_scanline * row_bytes;
    jpeg_read_scanlines(&state.codec, &row, 1);
  }
  jpeg_finish_decompress(&state.codec);
  return true;
}

Status decode_jpeg(Bytes bytes, Image& image) {
  JpegState state;
  std::memset(&state, 0, sizeof state);
  state.codec.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = jpeg_failed;
  state.errors.output_message = jpeg_silent;
  state.codec.client_data = &state;
  Status status;
  if (!jpeg_begin(state, bytes)) {
    status = bad_input("", state.message);
  } else {
    status = prepare(image, state.codec.image_width, state.codec.image_height);
    if (status.ok() && !jpeg_read_rows(state, image.pixels.data(), static_cast<size_t>(image.width) * 3))
      status = bad_input("", state.message);
  }
  jpeg_destroy_decompress(&state.codec);
  return status;
}

Status decode_webp(Bytes bytes, Image& image) {
  int width = 0, height = 0;
  if (!WebPGetInfo(data_of(bytes), bytes.size(), &width, &height))
    return bad_input("", "is a damaged WebP image");
  LATHE_TRY(prepare(image, width, height));
  if (WebPDecodeRGBInto(data_of(bytes), bytes.size(), image.pixels.data(), image.pixels.size(), width * 3) ==
      nullptr)
    return bad_input("", "is a damaged WebP image");
  return {};
}

/// A file in memory for libtiff.
struct TiffMemory {
  Bytes bytes;
  toff_t at = 0;
};

tsize_t tiff_read(thandle_t handle, tdata_t to, tsize_t size) {
  auto& file = *static_cast<TiffMemory*>(handle);
  if (size <= 0 || file.at >= file.bytes.size()) return 0;
  const size_t n = std::min<size_t>(static_cast<size_t>(size), file.bytes.size() - file.at);
  std::memcpy(to, file.bytes.data() + file.at, n);
  file.at += n;
  return static_cast<tsize_t>(n);
}
tsize_t tiff_write(thandle_t, tdata_t, tsize_t) {
  return 0;
}
toff_t tiff_seek(thandle_t handle, toff_t offset, int whence) {
  auto& file = *static_cast<TiffMemory*>(handle);
  const toff_t from = whence == SEEK_CUR ? file.at : whence == SEEK_END ? file.bytes.size() : 0;
  file.at = from + offset;
  return file.at;
}
int tiff_close(thandle_t) {
  return 0;
}
toff_t tiff_size(thandle_t handle) {
  return static_cast<TiffMemory*>(handle)->bytes.size();
}
int tiff_map(thandle_t, tdata_t*, toff_t*) {
  return 0;
}
void tiff_unmap(thandle_t, tdata_t, toff_t) {}

int tiff_silent(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

struct TiffCloser {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

Status decode_tiff(Bytes bytes, Image& image) {
  TiffMemory file{bytes};
  const std::unique_ptr<TIFFOpenOptions, TiffCloser> options(TIFFOpenOptionsAlloc());
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), tiff_silent, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), tiff_silent, nullptr);
  const std::unique_ptr<TIFF, TiffCloser> tiff(TIFFClientOpenExt("image", "rm", &file, tiff_read, tiff_write,
                                                                 tiff_seek, tiff_close, tiff_size, tiff_map,
                                                                 tiff_unmap, options.get()));
  if (!tiff) return bad_input("", "is a damaged TIFF image");
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  LATHE_TRY(prepare(image, width, height));
  std::vector<uint32_t> raster(static_cast<size_t>(width) * height);
  if (!TIFFReadRGBAImageOriented(tiff.get(), width, height, raster.data(), ORIENTATION_TOPLEFT, 1))
    return bad_input("", "is a damaged TIFF image, or of a kind that is not supported");
  for (size_t i = 0; i < raster.size(); ++i) {
    image.pixels[i * 3] = static_cast<uint8_t>(TIFFGetR(raster[i]));
    image.pixels[i * 3 + 1] = static_cast<uint8_t>(TIFFGetG(raster[i]));
    image.pixels[i * 3 + 2] = static_cast<uint8_t>(TIFFGetB(raster[i]));
  }
  return {};
}

Status decode(Bytes bytes, Image& image) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\x89PNG")) return decode_png(bytes, image);
  if (text.starts_with("\xff\xd8\xff")) return decode_jpeg(bytes, image);
  if (text.starts_with("RIFF") && text.substr(0, 12).ends_with("WEBP")) return decode_webp(bytes, image);
  if (text.starts_with(std::string_view("II*\0", 4)) || text.starts_with(std::string_view("MM\0*", 4)))
    return decode_tiff(bytes, image);
  return bad_input("", "is not a PNG, JPEG, WebP or TIFF image");
}

}  // namespace

Result<Image> read_image(const std::filesystem::path& path) {
  LATHE_ASSIGN(const auto file, MappedFile::open(path));
  Image image;
  Status decoded = decode(file->bytes(), image);
  if (decoded.ok()) return image;
  decoded.error().where = path.string();
  return std::move(decoded).error();
}

bool is_image_file(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  constexpr std::array<std::string_view, 6> endings = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"};
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

}  // namespace lathe
