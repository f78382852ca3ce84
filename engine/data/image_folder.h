// SPDX-License-Identifier: Apache-2.0
// Which image files make the samples, in which order. Internal to data.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/data/coco.h"
#include "engine/data/prepare.h"

namespace lathe {

struct ImageFolder {
  std::vector<std::filesystem::path> files;
  std::vector<int64_t> labels;       ///< class number per file; empty without classes
  std::vector<std::string> classes;  ///< sub-folders in alphabetical order
};
/// Images directly in `folder`, or in its sub-folders, which are classes; by name. Errors: none there, or
/// both kinds.
Result<ImageFolder> scan_image_folder(const std::filesystem::path& folder);

/// The files that a manifest entry names (relative to `base`): a list, or one folder. With annotations the
/// order, and which of the folder's files are meant, are theirs.
Result<std::vector<std::filesystem::path>> list_images(const std::filesystem::path& base,
                                                       const std::vector<std::string>& entry,
                                                       const CocoLabels* coco);

/// How images are prepared when nothing says how: 0..1, at the size and with the channels of the input.
Recipe image_recipe(const InputSpec& input);

}  // namespace lathe
