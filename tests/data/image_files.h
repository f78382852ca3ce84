// SPDX-License-Identifier: Apache-2.0
// Small image files for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace lathe {

/// 8-bit RGB pixels of a width x height image that is `left` in its left half and `right` in its right.
std::vector<uint8_t> two_colours(int width, int height, std::vector<uint8_t> left,
                                 std::vector<uint8_t> right);

void write_png(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb);
void write_jpeg(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb);
void write_webp(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb);
void write_tiff(const std::filesystem::path& path, int width, int height, const std::vector<uint8_t>& rgb);

}  // namespace lathe
