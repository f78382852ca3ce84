// SPDX-License-Identifier: Apache-2.0
#include "engine/data/image_folder.h"

#include <algorithm>

#include "engine/data/image.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

/// Sorted by name. `folders`: sub-folders instead of image files.
Result<std::vector<fs::path>> entries(const fs::path& folder, bool folders) {
  std::vector<fs::path> out;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code unreadable;
    const bool wanted =
        folders ? at->is_directory(unreadable) : at->is_regular_file(unreadable) && is_image_file(at->path());
    if (wanted) out.push_back(at->path());
  }
  if (failed) return bad_input(folder.string(), "cannot be read: " + failed.message());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<ImageFolder> scan_image_folder(const fs::path& folder) {
  ImageFolder out;
  LATHE_ASSIGN(out.files, entries(folder, false));
  LATHE_ASSIGN(const auto sub_folders, entries(folder, true));
  for (const fs::path& sub_folder : sub_folders) {
    LATHE_ASSIGN(const auto files, entries(sub_folder, false));
    if (files.empty()) continue;
    if (out.labels.size() != out.files.size())
      return bad_input(folder.string(),
                       "has images both beside and inside sub-folders; sub-folders are classes");
    out.labels.insert(out.labels.end(), files.size(), static_cast<int64_t>(out.classes.size()));
    out.classes.push_back(sub_folder.filename().string());
    out.files.insert(out.files.end(), files.begin(), files.end());
  }
  if (out.files.empty())
    return bad_input(folder.string(), "has no images (PNG, JPEG, JPEG 2000, WebP, TIFF, BMP, PNM)");
  return out;
}

Result<std::vector<fs::path>> list_images(const fs::path& base, const std::vector<std::string>& entry,
                                          const CocoLabels* coco) {
  std::vector<fs::path> files;
  std::error_code ignored;
  if (entry.size() != 1 || !fs::is_directory(base / entry[0], ignored)) {
    for (const std::string& file : entry) files.push_back(base / file);
    return files;
  }
  if (coco == nullptr) {
    LATHE_ASSIGN(ImageFolder folder, scan_image_folder(base / entry[0]));
    return std::move(folder.files);
  }
  for (size_t i = 0; i < coco->images.size(); ++i) {
    if (coco->images[i].file_name.empty())
      return bad_input((base / entry[0]).string(),
                       "the annotations' images[" + std::to_string(i) + "] has no file_name");
    files.push_back(base / entry[0] / coco->images[i].file_name);
  }
  return files;
}

Recipe image_recipe(const InputSpec& input) {
  Recipe recipe;
  recipe.scale = 1.0 / 255;
  recipe.layout = layout_of(input).value_or(Layout::nchw);
  const bool nchw = recipe.layout == Layout::nchw;
  const auto size = [&](size_t axis) { return (*input.axes)[axis].size; };
  if (size(nchw ? 1 : 3) == 1) recipe.channels = Channels::grey;
  const int64_t height = size(nchw ? 2 : 1), width = size(nchw ? 3 : 2);
  if (height > 0 && width > 0) recipe.resize = Resize{height, width, 0, 0, false};
  return recipe;
}

}  // namespace lathe
