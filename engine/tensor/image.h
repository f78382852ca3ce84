// SPDX-License-Identifier: Apache-2.0
// Encoded images decoded to 8-bit RGB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

/// Rows from top to bottom, pixels R G B interleaved: shape [height, width, 3].
struct Image {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;
};

/// BMP, JPEG, JPEG 2000, PNG, PNM (PBM, PGM, PPM), TIFF or WebP, told from the bytes. Grey becomes
/// R = G = B, palettes are looked up, alpha is dropped, 16 bits become 8. Errors (without a place): another
/// format, damaged or cut short, of a kind that is not supported, more than 2^28 pixels, out of memory.
Result<Image> decode_image(std::span<const std::byte> bytes);

}  // namespace lathe
