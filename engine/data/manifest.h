// SPDX-License-Identifier: Apache-2.0
// The dataset manifest as read, before any data is opened. Internal to data.
//
// {
//   "arrays": "scenes.npz",                  file of arrays; paths are relative to the manifest
//   "inputs": {
//     "img":  {"array": "images", "scale": 0.0039, "repeat": {"axis": 1, "times": 3}},
//     "x":    {"images": "folder" or ["a.png", ...], "resize": [224, 224], "mean": [..], "std": [..],
//     "channels": "bgr"}, "mask": {"constant": false, "shape": [1, 96, 96]}
//   },
//   "labels": {"array": "label"} or {"coco": "annotations.json"},
//   "metric": "top1" or {"name": "coco-ap", "scores": "logits", "boxes": "boxes", ...}
// }
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/data/metric_spec.h"
#include "engine/data/prepare.h"

namespace lathe {

struct InputEntry {
  std::string array;                ///< name in `arrays`, or
  std::vector<std::string> images;  ///< files, or one folder, as written, or
  std::optional<double> constant;
  std::optional<Shape> shape;  ///< of a constant
  Recipe recipe;
};

struct Manifest {
  std::filesystem::path folder;  ///< that paths are relative to
  std::string arrays, label_array, coco;
  std::map<std::string, InputEntry> inputs;
  MetricSpec metric;
};

Result<Manifest> read_manifest(const std::filesystem::path& path);

}  // namespace lathe
