// SPDX-License-Identifier: Apache-2.0
// BMP: 1 to 32 bits per pixel, palettes, bit masks and both run-length encodings.
#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "engine/tensor/image_codecs.h"

namespace lathe {
namespace {

enum Compression : uint32_t { plain = 0, rle8 = 1, rle4 = 2, bit_masks = 3, bit_masks_alpha = 6 };

struct Bmp {
  ImageBytes bytes;
  int64_t width = 0, height = 0;
  bool top_down = false;
  uint32_t bits = 0, compression = plain;
  size_t pixels_at = 0;
  std::array<uint32_t, 3> masks{};
  std::vector<std::array<uint8_t, 3>> palette;

  /// Little endian; the caller has checked that the bytes are there.
  uint32_t number(size_t at, size_t size) const {
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= static_cast<uint32_t>(bytes[at + i]) << (8 * i);
    return value;
  }
  int64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
};

Error cut_short() {
  return bad_input("", "is a BMP image cut short");
}

Status read_palette(Bmp& bmp, size_t at, size_t entry_bytes, size_t entries) {
  entries = std::min<size_t>(entries, size_t{1} << bmp.bits);
  if (at > bmp.bytes.size() || entries > (bmp.bytes.size() - at) / entry_bytes) return cut_short();
  for (size_t i = 0; i < entries; ++i, at += entry_bytes)
    bmp.palette.push_back({static_cast<uint8_t>(bmp.bytes[at + 2]), static_cast<uint8_t>(bmp.bytes[at + 1]),
                           static_cast<uint8_t>(bmp.bytes[at])});
  return {};
}

Status read_masks(Bmp& bmp, size_t at) {
  if (bmp.compression == plain) {
    if (bmp.bits == 16) bmp.masks = {0x7c00, 0x3e0, 0x1f};
    if (bmp.bits == 32) bmp.masks = {0xff0000, 0xff00, 0xff};
    return {};
  }
  if (bmp.bytes.size() < at + 12) return cut_short();
  for (size_t i = 0; i < 3; ++i) bmp.masks[i] = bmp.number(at + i * 4, 4);
  return {};
}

Status read_header(Bmp& bmp) {
  if (bmp.bytes.size() < 26) return cut_short();
  bmp.pixels_at = bmp.number(10, 4);
  const size_t header = bmp.number(14, 4);
  size_t colours = 0;
  if (header == 12) {
    bmp.width = bmp.number(18, 2);
    bmp.height = bmp.number(20, 2);
    bmp.bits = bmp.number(24, 2);
  } else if (header >= 40 && header <= 256) {
    if (bmp.bytes.size() < 14 + header) return cut_short();
    bmp.width = static_cast<int32_t>(bmp.number(18, 4));
    bmp.height = static_cast<int32_t>(bmp.number(22, 4));
    bmp.bits = bmp.number(28, 2);
    bmp.compression = bmp.number(30, 4);
    colours = bmp.number(46, 4);
  } else {
    return bad_input("", "has a BMP header of " + std::to_string(header) + " bytes, which no version has");
  }
  bmp.top_down = bmp.height < 0;
  bmp.height = std::abs(bmp.height);
  const uint32_t bits = bmp.bits, kind = bmp.compression;
  const bool masked = (kind == bit_masks || kind == bit_masks_alpha) && (bits == 16 || bits == 32);
  const bool known = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
  if (!(kind == plain && known) && !(kind == rle8 && bits == 8) && !(kind == rle4 && bits == 4) && !masked)
    return unsupported("", "is a BMP image of " + std::to_string(bits) + " bits per pixel with compression " +
                               std::to_string(kind));
  if (bmp.bits > 8) return read_masks(bmp, 14 + 40);
  return read_palette(bmp, 14 + header, header == 12 ? 3 : 4, colours == 0 ? size_t{1} << bits : colours);
}

/// Bits of a mask stretched to 0..255.
uint8_t masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t most = mask >> shift;
  return static_cast<uint8_t>(uint64_t{(pixel & mask) >> shift} * 255 / most);
}

/// `row` counts as the file does: from the bottom unless the image is top down.
uint8_t* pixel(const Bmp& bmp, Image& image, int64_t row, int64_t column) {
  const int64_t y = bmp.top_down ? row : bmp.height - 1 - row;
  return image.pixels.data() + (y * bmp.width + column) * 3;
}

Status store_index(const Bmp& bmp, uint32_t index, uint8_t* to) {
  if (index >= bmp.palette.size())
    return bad_input("", "uses colour " + std::to_string(index) + " of a BMP palette of " +
                             std::to_string(bmp.palette.size()));
  std::copy(bmp.palette[index].begin(), bmp.palette[index].end(), to);
  return {};
}

Status read_plain(const Bmp& bmp, Image& image) {
  for (int64_t row = 0; row < bmp.height; ++row) {
    const size_t start = bmp.pixels_at + static_cast<size_t>(row * bmp.row_bytes());
    for (int64_t x = 0; x < bmp.width; ++x) {
      uint8_t* to = pixel(bmp, image, row, x);
      const size_t bit = static_cast<size_t>(x) * bmp.bits;
      if (bmp.bits <= 8) {
        const uint32_t byte = bmp.number(start + bit / 8, 1);
        LATHE_TRY(store_index(bmp, byte >> (8 - bmp.bits - bit % 8) & ((1u << bmp.bits) - 1), to));
        continue;
      }
      const uint32_t value = bmp.number(start + bit / 8, bmp.bits / 8);
      for (size_t i = 0; i < 3; ++i)
        to[i] = bmp.bits == 24 ? static_cast<uint8_t>(value >> (16 - 8 * i)) : masked(value, bmp.masks[i]);
    }
  }
  return {};
}

/// Pixels that the runs leave out have colour 0.
Status read_runs(const Bmp& bmp, Image& image) {
  for (int64_t row = 0; row < bmp.height; ++row)
    for (int64_t x = 0; x < bmp.width; ++x) LATHE_TRY(store_index(bmp, 0, pixel(bmp, image, row, x)));
  const bool nibbles = bmp.compression == rle4;
  int64_t row = 0, x = 0;
  const auto put = [&](uint32_t byte, uint32_t i) -> Status {
    if (row >= bmp.height || x >= bmp.width) return bad_input("", "has BMP runs beyond its size");
    const uint32_t index = !nibbles ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
    return store_index(bmp, index, pixel(bmp, image, row, x++));
  };
  for (size_t at = bmp.pixels_at; at + 2 <= bmp.bytes.size();) {
    const uint32_t count = bmp.number(at, 1), value = bmp.number(at + 1, 1);
    at += 2;
    if (count > 0) {
      for (uint32_t i = 0; i < count; ++i) LATHE_TRY(put(value, i));
    } else if (value == 0) {
      ++row, x = 0;
    } else if (value == 1) {
      return {};
    } else if (value == 2) {
      if (at + 2 > bmp.bytes.size()) return cut_short();
      x += bmp.number(at, 1);
      row += bmp.number(at + 1, 1);
      at += 2;
    } else {
      const size_t used = nibbles ? (value + 1) / 2 : value, padded = (used + 1) / 2 * 2;
      if (bmp.bytes.size() - at < used) return cut_short();
      for (uint32_t i = 0; i < value; ++i) LATHE_TRY(put(bmp.number(at + (nibbles ? i / 2 : i), 1), i));
      at += std::min(padded, bmp.bytes.size() - at);
    }
  }
  return cut_short();
}

}  // namespace

Status decode_bmp(ImageBytes bytes, Image& image) {
  Bmp bmp;
  bmp.bytes = bytes;
  LATHE_TRY(read_header(bmp));
  if (bmp.pixels_at > bytes.size()) return cut_short();
  const bool runs = bmp.compression == rle8 || bmp.compression == rle4;
  // Before memory for the pixels: a header alone must not claim it.
  if (!runs && bmp.height > 0 && bmp.width > 0 &&
      bmp.row_bytes() > static_cast<int64_t>(bytes.size() - bmp.pixels_at) / bmp.height)
    return cut_short();
  LATHE_TRY(allocate_image(image, bmp.width, bmp.height));
  return runs ? read_runs(bmp, image) : read_plain(bmp, image);
}

}  // namespace lathe
