// SPDX-License-Identifier: Apache-2.0
// Average precision of detections by the rules of the COCO evaluation: boxes, all areas, IoU 0.50 to 0.95 in
// steps of 0.05, precision at 101 recalls, the best detections of each image and category. Internal to
// evaluate.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/coco.h"

namespace lathe {

struct Detection {
  int64_t category = 0;
  double score = 0;
  CocoBox box;
};

struct AveragePrecision {
  double ap = -1;    ///< mean over categories and IoU thresholds; -1 without any object to find
  double ap50 = -1;  ///< at IoU 0.50
};

/// Intersection over union; with a crowd, over the detection's own area.
double box_iou(const CocoBox& detection, const CocoBox& object, bool crowd);

class AveragePrecisionSum {
 public:
  /// `categories`: ids that are judged; detections of others are left out.
  AveragePrecisionSum(const std::vector<CocoCategory>& categories, size_t max_detections);
  void add_image(const std::vector<CocoObject>& objects, const std::vector<Detection>& detections);
  AveragePrecision result() const;

 private:
  static constexpr size_t threshold_count = 10;
  /// A detection after matching: one bit per IoU threshold.
  struct Judged {
    double score = 0;
    uint16_t matched = 0;
    uint16_t ignored = 0;  ///< matched a crowd, or lies outside what is judged
  };
  struct Category {
    int64_t id = 0;
    int64_t objects = 0;  ///< to be found; crowds do not count
    std::vector<Judged> detections;
  };
  /// Precision averaged over the recalls for one threshold, or -1.
  static double precision(const Category& category, const std::vector<Judged>& sorted, size_t threshold);
  static void match(const std::vector<const CocoObject*>& objects, std::vector<const Detection*> detections,
                    size_t max_detections, Category& category);

  std::vector<Category> categories_;
  size_t max_detections_;
};

}  // namespace lathe
