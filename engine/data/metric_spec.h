// SPDX-License-Identifier: Apache-2.0
// Which metric judges a model, and how it reads the model's outputs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

/// What "metric" of a dataset manifest holds. Fields that a metric does not use are ignored by it.
struct MetricSpec {
  enum class Transform : uint8_t { none, softmax, sigmoid };
  enum class NoObject : uint8_t { none, first, last };  ///< a class column that means "nothing here"
  enum class BoxFormat : uint8_t { cxcywh, xyxy, xywh };
  /// Boxes relative to the original image (0..1), in its pixels, or in pixels of the prepared input.
  enum class BoxUnits : uint8_t { normalized, pixels, input_pixels };
  enum class Detections : uint8_t { every_query_and_class, best_class_of_query };

  std::string name;    ///< "top1", "top5", "coco-ap", "snr", "command"; empty: none chosen
  std::string output;  ///< classification: the scores' output; empty: the only output
  std::string scores;  ///< detection: output [1, queries, classes], or [detections] together with `labels`
  std::string
      labels;         ///< detection: output of class numbers [detections], where the model has already chosen
  std::string boxes;  ///< detection: output [1, queries, 4]
  Transform scores_transform = Transform::none;
  NoObject no_object_class = NoObject::none;
  BoxFormat box_format = BoxFormat::cxcywh;
  BoxUnits box_units = BoxUnits::normalized;
  Detections detections = Detections::every_query_and_class;
  double score_threshold = 0;    ///< detections below are dropped
  int64_t max_detections = 100;  ///< kept per image and category, best first
  std::vector<int64_t>
      category_ids;              ///< category of class 0, 1, ...; empty: the class number is the category
  std::string command;           ///< of metric "command"
  double timeout_seconds = 600;  ///< of metric "command"
};

}  // namespace lathe
