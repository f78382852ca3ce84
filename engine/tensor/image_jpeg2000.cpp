// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <openjpeg.h>
#include <string>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

struct Source {
  ImageBytes bytes;
  size_t at = 0;
};

OPJ_SIZE_T read_source(void* to, OPJ_SIZE_T size, void* user) {
  auto& source = *static_cast<Source*>(user);
  const size_t n = std::min<size_t>(size, source.bytes.size() - source.at);
  if (n == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(to, source.bytes.data() + source.at, n);
  source.at += n;
  return n;
}
OPJ_BOOL seek_source(OPJ_OFF_T to, void* user) {
  auto& source = *static_cast<Source*>(user);
  if (to < 0 || static_cast<size_t>(to) > source.bytes.size()) return OPJ_FALSE;
  source.at = static_cast<size_t>(to);
  return OPJ_TRUE;
}
OPJ_OFF_T skip_source(OPJ_OFF_T by, void* user) {
  auto& source = *static_cast<Source*>(user);
  const auto left = static_cast<OPJ_OFF_T>(source.bytes.size() - source.at);
  if (by < 0 || by > left) return -1;
  source.at += static_cast<size_t>(by);
  return by;
}

// Codecs and streams are both void in openjpeg.h.
struct CodecCloser {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
};
struct StreamCloser {
  void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};
struct ImageCloser {
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};

/// The sample of a component at a pixel of the image, as 8 bits.
int sample(const opj_image_comp_t& plane, int64_t x, int64_t y) {
  const int64_t column = std::min<int64_t>(x / plane.dx, int64_t{plane.w} - 1);
  const int64_t row = std::min<int64_t>(y / plane.dy, int64_t{plane.h} - 1);
  int64_t value = plane.data[row * plane.w + column];
  if (plane.sgnd) value += int64_t{1} << (plane.prec - 1);
  value = plane.prec > 8 ? value >> (plane.prec - 8) : value << (8 - plane.prec);
  return static_cast<int>(std::clamp<int64_t>(value, 0, 255));
}

uint8_t to_byte(double value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

void store_pixel(const opj_image_t& from, int64_t x, int64_t y, uint8_t* rgb) {
  const bool colour = from.numcomps >= 3;
  int value[3];
  for (int i = 0; i < 3; ++i) value[i] = sample(from.comps[colour ? i : 0], x, y);
  if (!colour || from.color_space != OPJ_CLRSPC_SYCC) {
    for (int i = 0; i < 3; ++i) rgb[i] = static_cast<uint8_t>(value[i]);
    return;
  }
  const double cb = value[1] - 128, cr = value[2] - 128;
  rgb[0] = to_byte(value[0] + 1.402 * cr);
  rgb[1] = to_byte(value[0] - 0.344136 * cb - 0.714136 * cr);
  rgb[2] = to_byte(value[0] + 1.772 * cb);
}

}  // namespace

Status decode_jpeg2000(ImageBytes bytes, Image& image) {
  const Error damaged = bad_input("", "is a damaged JPEG 2000 image, or cut short");
  Source source{bytes};
  const bool raw = bytes[0] == std::byte{0xff};
  const std::unique_ptr<opj_codec_t, CodecCloser> codec(
      opj_create_decompress(raw ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  const std::unique_ptr<opj_stream_t, StreamCloser> stream(opj_stream_default_create(OPJ_TRUE));
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!codec || !stream || !opj_setup_decoder(codec.get(), &parameters)) return damaged;
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), bytes.size());
  opj_stream_set_read_function(stream.get(), read_source);
  opj_stream_set_seek_function(stream.get(), seek_source);
  opj_stream_set_skip_function(stream.get(), skip_source);

  opj_image_t* header = nullptr;
  const bool begun = opj_read_header(stream.get(), codec.get(), &header);
  const std::unique_ptr<opj_image_t, ImageCloser> decoded(header);
  if (!begun || !decoded) return damaged;
  if (decoded->numcomps == 0 || decoded->numcomps > 4)
    return unsupported("", "is a JPEG 2000 image of " + std::to_string(decoded->numcomps) + " components");
  LATHE_TRY(allocate_image(image, int64_t{decoded->x1} - decoded->x0, int64_t{decoded->y1} - decoded->y0));
  if (!opj_decode(codec.get(), stream.get(), decoded.get()) || !opj_end_decompress(codec.get(), stream.get()))
    return damaged;
  for (uint32_t i = 0; i < decoded->numcomps; ++i) {  // a palette has made other components
    const opj_image_comp_t& plane = decoded->comps[i];
    if (plane.data == nullptr || plane.w == 0 || plane.h == 0 || plane.dx == 0 || plane.dy == 0 ||
        plane.prec == 0 || plane.prec > 31)
      return damaged;
  }
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x)
      store_pixel(*decoded, x, y, image.pixels.data() + (y * image.width + x) * 3);
  return {};
}

}  // namespace lathe
