// SPDX-License-Identifier: Apache-2.0
// Image files decoded to 8-bit RGB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

/// Rows from top to bottom, pixels R G B interleaved.
struct Image {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;
};

/// PNG, JPEG, WebP or TIFF by content, not by name. Grey becomes R = G = B; transparency shows black.
/// Errors name the file; images of more than 2^28 pixels are refused.
Result<Image> read_image(const std::filesystem::path& path);
/// Has one of the file name endings of those formats.
bool is_image_file(const std::filesystem::path& path);

}  // namespace lathe
