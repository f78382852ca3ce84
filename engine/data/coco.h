// SPDX-License-Identifier: Apache-2.0
// Object annotations in COCO's JSON format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace lathe {

struct CocoBox {
  double x = 0, y = 0, width = 0, height = 0;  ///< pixels of the original image, left top corner
};

struct CocoObject {
  int64_t category = 0;
  CocoBox box;
  double area = 0;  ///< as annotated (of the outline), else of the box
  bool crowd = false;
};

struct CocoImage {
  int64_t id = 0;
  int64_t width = 0, height = 0;
  std::string file_name;
  std::vector<CocoObject> objects;
};

struct CocoCategory {
  int64_t id = 0;
  std::string name;
};

/// Ground truth, in the order of the file's "images": sample k of a dataset is images[k].
struct CocoLabels {
  std::vector<CocoImage> images;
  std::vector<CocoCategory> categories;
};

/// Errors name the file, the key and the entry's number.
Result<CocoLabels> read_coco(const std::filesystem::path& path);

}  // namespace lathe
