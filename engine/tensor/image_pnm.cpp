// SPDX-License-Identifier: Apache-2.0
// PBM, PGM and PPM, as text (P1 to P3) and binary (P4 to P6).
#include <algorithm>
#include <cmath>
#include <string>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

class PnmReader {
 public:
  explicit PnmReader(ImageBytes bytes) : data_(image_data(bytes)), size_(bytes.size()), at_(2) {}

  /// Next number as text, -1 when there is none or it is above `limit`.
  int64_t number(int64_t limit) {
    skip_blanks();
    if (at_ >= size_ || !digit()) return -1;
    int64_t value = 0;
    for (; at_ < size_ && digit(); ++at_) {
      value = value * 10 + (data_[at_] - '0');
      if (value > limit) return -1;
    }
    return value;
  }
  /// Next 0 or 1 of a PBM as text, which need not be apart from each other; -1 for anything else.
  int64_t bit() {
    skip_blanks();
    return at_ < size_ && (data_[at_] == '0' || data_[at_] == '1') ? data_[at_++] - '0' : -1;
  }
  /// The one blank that ends a binary file's header.
  bool end_header() { return at_ < size_ && blank(data_[at_++]); }
  /// The rest of the file when it has that many bytes, else null.
  const uint8_t* rest(int64_t bytes) const {
    return static_cast<int64_t>(size_ - at_) >= bytes ? data_ + at_ : nullptr;
  }

 private:
  static bool blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  bool digit() const { return data_[at_] >= '0' && data_[at_] <= '9'; }
  void skip_blanks() {
    for (; at_ < size_ && (blank(data_[at_]) || data_[at_] == '#'); ++at_)
      if (data_[at_] == '#')
        while (at_ + 1 < size_ && data_[at_] != '\n' && data_[at_] != '\r') ++at_;
  }

  const uint8_t* data_;
  size_t size_, at_;
};

/// Samples of the image in order, 0..`most`; -1 where the file ends or is damaged.
class PnmSamples {
 public:
  PnmSamples(PnmReader& reader, int kind, int64_t row_samples, int64_t most)
      : reader_(reader), kind_(kind), row_samples_(row_samples), most_(most) {}
  int64_t bytes_per_row() const {
    return kind_ == 4 ? (row_samples_ + 7) / 8 : row_samples_ * (most_ > 255 ? 2 : 1);
  }
  void set_binary(const uint8_t* data) { data_ = data; }
  int64_t at(int64_t row, int64_t i) {
    if (kind_ == 1) return flip(reader_.bit());
    if (kind_ < 4) return reader_.number(most_);
    const uint8_t* from = data_ + row * bytes_per_row();
    if (kind_ == 4) return flip(from[i / 8] >> (7 - i % 8) & 1);
    const int64_t value = most_ > 255 ? from[i * 2] << 8 | from[i * 2 + 1] : from[i];
    return std::min(value, most_);
  }

 private:
  static int64_t flip(int64_t bit) { return bit < 0 ? bit : 1 - bit; }  // 1 is black

  PnmReader& reader_;
  int kind_;
  int64_t row_samples_, most_;
  const uint8_t* data_ = nullptr;
};

}  // namespace

Status decode_pnm(ImageBytes bytes, Image& image) {
  const int kind = static_cast<int>(bytes[1]) - '0';
  PnmReader reader(bytes);
  const int64_t width = reader.number(INT32_MAX), height = reader.number(INT32_MAX);
  const int64_t most = kind % 3 == 1 ? 1 : reader.number(65535);
  if (width < 0 || height < 0 || most <= 0 || (kind >= 4 && !reader.end_header()))
    return bad_input("", "has a damaged PNM header");
  const int64_t channels = kind % 3 == 0 ? 3 : 1;
  PnmSamples samples(reader, kind, width * channels, most);
  // Before memory for the pixels: a header alone must not claim it. As text a sample takes a byte or more.
  const int64_t bytes_per_row = kind >= 4 ? samples.bytes_per_row() : width * channels;
  const bool whole = height == 0 || bytes_per_row <= static_cast<int64_t>(bytes.size()) / height;
  if (!whole) return bad_input("", "is a PNM image cut short");
  LATHE_TRY(allocate_image(image, width, height));
  if (kind >= 4) {
    const uint8_t* data = reader.rest(bytes_per_row * height);
    if (data == nullptr) return bad_input("", "is a PNM image cut short");
    samples.set_binary(data);
  }
  uint8_t* to = image.pixels.data();
  for (int64_t y = 0; y < height; ++y)
    for (int64_t i = 0; i < width * channels; ++i) {
      const int64_t value = samples.at(y, i);
      if (value < 0) return bad_input("", "is a PNM image cut short or damaged");
      const auto byte =
          static_cast<uint8_t>(std::nearbyint(static_cast<double>(value) / static_cast<double>(most) * 255));
      for (int64_t copy = 0; copy < 3 / channels; ++copy) *to++ = byte;
    }
  return {};
}

}  // namespace lathe
