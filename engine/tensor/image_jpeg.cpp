// SPDX-License-Identifier: Apache-2.0
// After <cstdio>: jpeglib.h does not include what it needs.
#include <cstdio>
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <csetjmp>
#include <cstring>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

/// libjpeg reports errors by a jump; nothing with a destructor may live in the functions that are jumped out
/// of.
struct JpegState {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape;
  bool cut_short = false;
  char message[JMSG_LENGTH_MAX] = "";

  JpegState() = default;
  JpegState(const JpegState&) = delete;
  JpegState& operator=(const JpegState&) = delete;
  ~JpegState() { jpeg_destroy_decompress(&codec); }
};

[[noreturn]] void jpeg_failed(j_common_ptr codec) {
  auto* state = static_cast<JpegState*>(codec->client_data);
  (*codec->err->format_message)(codec, state->message);
  std::longjmp(state->escape, 1);
}
void jpeg_silent(j_common_ptr) {}
/// libjpeg goes on with grey where the bytes end: only a warning.
void jpeg_warned(j_common_ptr codec, int level) {
  if (level < 0 && codec->err->msg_code == JWRN_JPEG_EOF)
    static_cast<JpegState*>(codec->client_data)->cut_short = true;
}

bool jpeg_begin(JpegState& state, ImageBytes bytes) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_create_decompress(&state.codec);
  jpeg_mem_src(&state.codec, image_data(bytes), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&state.codec, TRUE);
  const bool inks = state.codec.jpeg_color_space == JCS_CMYK || state.codec.jpeg_color_space == JCS_YCCK;
  state.codec.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  return true;
}

bool jpeg_read_rows(JpegState& state, uint8_t* pixels, size_t row_bytes) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_start_decompress(&state.codec);
  while (state.codec.output_scanline < state.codec.output_height) {
    JSAMPROW row = pixels + state.codec.output_scanline * row_bytes;
    jpeg_read_scanlines(&state.codec, &row, 1);
  }
  return true;
}

/// `inverted`: 255 is no ink, as Adobe's programs write.
void inks_to_rgb(const std::vector<uint8_t>& inks, bool inverted, std::vector<uint8_t>& rgb) {
  for (size_t i = 0; i < inks.size() / 4; ++i) {
    const auto light = [&](size_t ink) {
      return static_cast<unsigned>(inverted ? inks[i * 4 + ink] : 255 - inks[i * 4 + ink]);
    };
    for (size_t channel = 0; channel < 3; ++channel) {
      const unsigned product = (255 - light(channel)) * light(3) + 128;
      rgb[i * 3 + channel] = static_cast<uint8_t>(light(3) - ((product >> 8) + product) / 256);
    }
  }
}

}  // namespace

Status decode_jpeg(ImageBytes bytes, Image& image) {
  JpegState state;
  state.codec.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = jpeg_failed;
  state.errors.output_message = jpeg_silent;
  state.errors.emit_message = jpeg_warned;
  state.codec.client_data = &state;
  if (!jpeg_begin(state, bytes)) return bad_input("", state.message);
  LATHE_TRY(allocate_image(image, state.codec.image_width, state.codec.image_height));
  std::vector<uint8_t> inks;
  if (state.codec.out_color_space == JCS_CMYK) inks.resize(image.pixels.size() / 3 * 4);
  const bool read = inks.empty()
                        ? jpeg_read_rows(state, image.pixels.data(), static_cast<size_t>(image.width) * 3)
                        : jpeg_read_rows(state, inks.data(), static_cast<size_t>(image.width) * 4);
  if (!read) return bad_input("", state.message);
  if (state.cut_short) return bad_input("", "is a JPEG image cut short");
  inks_to_rgb(inks, state.codec.saw_Adobe_marker != 0, image.pixels);
  return {};
}

}  // namespace lathe
