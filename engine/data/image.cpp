// SPDX-License-Identifier: Apache-2.0
#include "engine/data/image.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/base/files.h"

namespace lathe {

Result<Image> read_image(const std::filesystem::path& path) {
  LATHE_ASSIGN(const auto file, MappedFile::open(path));
  auto image = decode_image(file->bytes());
  if (!image.ok()) image.error().where = path.string();
  return image;
}

bool is_image_file(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  constexpr std::array<std::string_view, 14> endings = {".png",  ".jpg", ".jpeg", ".webp", ".tif",
                                                        ".tiff", ".bmp", ".jp2",  ".j2k",  ".j2c",
                                                        ".pbm",  ".pgm", ".ppm",  ".pnm"};
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

}  // namespace lathe
