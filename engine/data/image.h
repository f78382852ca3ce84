// SPDX-License-Identifier: Apache-2.0
// Image files decoded to 8-bit RGB.
#pragma once

#include <filesystem>

#include "engine/base/result.h"
#include "engine/tensor/image.h"

namespace lathe {

/// Any format of decode_image, by content, not by name. Errors name the file.
Result<Image> read_image(const std::filesystem::path& path);
/// Has one of the file name endings of those formats.
bool is_image_file(const std::filesystem::path& path);

}  // namespace lathe
