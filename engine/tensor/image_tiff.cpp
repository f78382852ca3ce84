// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <memory>
#include <tiffio.h>
#include <vector>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

constexpr tmsize_t max_allocation = tmsize_t{1} << 30;

/// A file in memory for libtiff.
struct TiffMemory {
  ImageBytes bytes;
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

/// libtiff multiplies colours with an alpha that is said not to be in them; alpha is to be dropped.
void ignore_alpha(TIFF* tiff) {
  uint16_t count = 0, *kinds = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) != 1 || count == 0) return;
  std::vector<uint16_t> changed(kinds, kinds + count);
  std::replace(changed.begin(), changed.end(), uint16_t{EXTRASAMPLE_UNASSALPHA},
               uint16_t{EXTRASAMPLE_ASSOCALPHA});
  TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, count, changed.data());
}

}  // namespace

Status decode_tiff(ImageBytes bytes, Image& image) {
  TiffMemory file{bytes};
  const std::unique_ptr<TIFFOpenOptions, TiffCloser> options(TIFFOpenOptionsAlloc());
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), max_allocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), tiff_silent, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), tiff_silent, nullptr);
  const std::unique_ptr<TIFF, TiffCloser> tiff(TIFFClientOpenExt("image", "rm", &file, tiff_read, tiff_write,
                                                                 tiff_seek, tiff_close, tiff_size, tiff_map,
                                                                 tiff_unmap, options.get()));
  if (!tiff) return bad_input("", "is a damaged TIFF image");
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  LATHE_TRY(allocate_image(image, width, height));
  ignore_alpha(tiff.get());
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

}  // namespace lathe
