// SPDX-License-Identifier: Apache-2.0
#include "profiler/evaluate/average_precision.h"

#include <algorithm>
#include <limits>

namespace lathe {
namespace {

constexpr double area_limit = 1e10;  // "all": areas from 0 to this

double iou_threshold(size_t index) {
  return index == 9 ? 0.95 : 0.5 + static_cast<double>(index) * (0.45 / 9);
}
double recall_point(size_t index) {
  return index == 100 ? 1.0 : static_cast<double>(index) * 0.01;
}

bool out_of_range(double area) {
  return area < 0 || area > area_limit;
}
bool is_ignored(const CocoObject& object) {
  return object.crowd || out_of_range(object.area);
}

}  // namespace

double box_iou(const CocoBox& detection, const CocoBox& object, bool crowd) {
  const double width =
      std::min(detection.x + detection.width, object.x + object.width) - std::max(detection.x, object.x);
  const double height =
      std::min(detection.y + detection.height, object.y + object.height) - std::max(detection.y, object.y);
  if (!(width > 0) || !(height > 0)) return 0;
  const double both = width * height, own = detection.width * detection.height;
  return both / (crowd ? own : own + object.width * object.height - both);
}

AveragePrecisionSum::AveragePrecisionSum(const std::vector<CocoCategory>& categories, size_t max_detections)
    : max_detections_(max_detections) {
  for (const CocoCategory& category : categories) categories_.push_back({category.id, 0, {}});
}

void AveragePrecisionSum::add_image(const std::vector<CocoObject>& objects,
                                    const std::vector<Detection>& detections) {
  for (Category& category : categories_) {
    std::vector<const CocoObject*> wanted;
    std::vector<const Detection*> given;
    for (const CocoObject& object : objects)
      if (object.category == category.id) wanted.push_back(&object);
    for (const Detection& detection : detections)
      if (detection.category == category.id) given.push_back(&detection);
    // Ignored ones last: a detection takes one only when nothing that counts fits.
    std::stable_sort(wanted.begin(), wanted.end(), [](const CocoObject* a, const CocoObject* b) {
      return is_ignored(*a) < is_ignored(*b);
    });
    std::stable_sort(given.begin(), given.end(),
                     [](const Detection* a, const Detection* b) { return a->score > b->score; });
    for (const CocoObject* object : wanted) category.objects += !is_ignored(*object);
    match(wanted, std::move(given), max_detections_, category);
  }
}

void AveragePrecisionSum::match(const std::vector<const CocoObject*>& objects,
                                std::vector<const Detection*> detections, size_t max_detections,
                                Category& category) {
  if (detections.size() > max_detections) detections.resize(max_detections);
  std::vector<double> overlaps(detections.size() * objects.size());
  for (size_t d = 0; d < detections.size(); ++d)
    for (size_t o = 0; o < objects.size(); ++o)
      overlaps[d * objects.size() + o] = box_iou(detections[d]->box, objects[o]->box, objects[o]->crowd);

  std::vector<Judged> judged(detections.size());
  for (size_t t = 0; t < threshold_count; ++t) {
    const auto bit = static_cast<uint16_t>(1u << t);
    std::vector<bool> taken(objects.size(), false);
    for (size_t d = 0; d < detections.size(); ++d) {
      double best = std::min(iou_threshold(t), 1 - 1e-10);
      size_t found = objects.size();
      for (size_t o = 0; o < objects.size(); ++o) {
        if (taken[o] && !objects[o]->crowd) continue;
        if (found < objects.size() && !is_ignored(*objects[found]) && is_ignored(*objects[o])) break;
        if (overlaps[d * objects.size() + o] < best) continue;
        best = overlaps[d * objects.size() + o];
        found = o;
      }
      judged[d].score = detections[d]->score;
      if (found < objects.size()) {
        taken[found] = true;
        judged[d].matched |= bit;
        if (is_ignored(*objects[found])) judged[d].ignored |= bit;
      } else if (out_of_range(detections[d]->box.width * detections[d]->box.height)) {
        judged[d].ignored |= bit;
      }
    }
  }
  category.detections.insert(category.detections.end(), judged.begin(), judged.end());
}

double AveragePrecisionSum::precision(const Category& category, const std::vector<Judged>& sorted,
                                      size_t threshold) {
  const auto bit = static_cast<uint16_t>(1u << threshold);
  std::vector<double> recalls, precisions;
  double right = 0, wrong = 0;
  for (const Judged& detection : sorted) {
    if (detection.ignored & bit) {
      // It changes neither count, but has its place in the curve.
    } else if (detection.matched & bit) {
      ++right;
    } else {
      ++wrong;
    }
    recalls.push_back(right / static_cast<double>(category.objects));
    precisions.push_back(right / (right + wrong + std::numeric_limits<double>::epsilon()));
  }
  for (size_t i = precisions.size(); i-- > 1;) precisions[i - 1] = std::max(precisions[i - 1], precisions[i]);
  double sum = 0;
  for (size_t point = 0; point <= 100; ++point) {
    const auto at = std::lower_bound(recalls.begin(), recalls.end(), recall_point(point));
    if (at != recalls.end()) sum += precisions[static_cast<size_t>(at - recalls.begin())];
  }
  return sum / 101;
}

AveragePrecision AveragePrecisionSum::result() const {
  double sum = 0, sum50 = 0;
  size_t categories = 0;
  for (const Category& category : categories_) {
    if (category.objects == 0) continue;
    ++categories;
    std::vector<Judged> sorted = category.detections;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Judged& a, const Judged& b) { return a.score > b.score; });
    for (size_t t = 0; t < threshold_count; ++t) {
      const double value = precision(category, sorted, t);
      sum += value;
      if (t == 0) sum50 += value;
    }
  }
  if (categories == 0) return {};
  return {sum / static_cast<double>(categories * threshold_count), sum50 / static_cast<double>(categories)};
}

}  // namespace lathe
