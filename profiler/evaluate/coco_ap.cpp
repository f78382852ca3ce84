// SPDX-License-Identifier: Apache-2.0
// coco-ap: average precision of a detector's boxes.
#include <algorithm>
#include <cmath>

#include "profiler/evaluate/average_precision.h"
#include "profiler/evaluate/metric.h"

namespace lathe {
namespace {

using Spec = MetricSpec;

/// Scores of one query in place.
void transform_scores(std::span<double> scores, Spec::Transform transform) {
  if (transform == Spec::Transform::sigmoid)
    for (double& score : scores) score = 1 / (1 + std::exp(-score));
  if (transform != Spec::Transform::softmax || scores.empty()) return;
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
}

/// What a model found in one image, before boxes are read.
struct Found {
  size_t query = 0;
  int64_t class_number = 0;
  double score = 0;
};

class CocoAp : public Metric {
 public:
  CocoAp(Spec spec, const CocoLabels& labels)
      : spec_(std::move(spec)), sum_(labels.categories, static_cast<size_t>(spec_.max_detections)) {}

  Status update(const MetricSample& sample) override {
    const CocoImage& image = sample.samples.coco()->images[sample.index];
    LATHE_ASSIGN(const Tensor* boxes, find_output(sample.outputs, spec_.boxes, "boxes"));
    if (boxes->rank() == 0 || boxes->dim(boxes->rank() - 1) != 4)
      return bad_input("", "output '" + spec_.boxes + "' has shape " + to_string(boxes->shape()) +
                               "; boxes have four numbers each");
    const std::vector<double> numbers = boxes->to_double();
    LATHE_ASSIGN(const std::vector<Found> found, find(sample.outputs, numbers.size() / 4));
    std::vector<Detection> detections;
    for (const Found& one : found) {
      if (std::isnan(one.score) || one.score < spec_.score_threshold) continue;
      const std::span<const double, 4> box(numbers.data() + one.query * 4, 4);
      LATHE_ASSIGN(const int64_t category, category_of(one.class_number));
      detections.push_back({category, one.score, to_pixels(box, image, sample.geometry)});
    }
    sum_.add_image(image.objects, detections);
    return {};
  }

  Result<std::map<std::string, double>> result(const JobContext&) override {
    const AveragePrecision found = sum_.result();
    if (found.ap < 0) return bad_input("", "the annotations of the evaluated samples have no object to find");
    return std::map<std::string, double>{{"AP", found.ap}, {"AP50", found.ap50}};
  }

 private:
  Result<std::vector<Found>> find(const NamedValues& outputs, size_t queries) const {
    LATHE_ASSIGN(const Tensor* scores, find_output(outputs, spec_.scores, "scores"));
    std::vector<double> values = scores->to_double();
    if (!spec_.labels.empty()) {
      LATHE_ASSIGN(const Tensor* labels, find_output(outputs, spec_.labels, "labels"));
      return chosen_by_model(values, labels->to_int64(), queries);
    }
    const size_t classes = scores->rank() < 2 ? 0 : static_cast<size_t>(scores->dim(scores->rank() - 1));
    if (classes == 0 || values.size() != queries * classes)
      return bad_input("", "output '" + spec_.scores + "' has shape " + to_string(scores->shape()) + " for " +
                               std::to_string(queries) + " boxes; a row of class scores each is expected");
    std::vector<Found> found;
    for (size_t query = 0; query < queries; ++query)
      add_query(std::span(values).subspan(query * classes, classes), query, found);
    return found;
  }

  Result<std::vector<Found>> chosen_by_model(const std::vector<double>& scores,
                                             const std::vector<int64_t>& labels, size_t queries) const {
    if (scores.size() != queries || labels.size() != queries)
      return bad_input("", std::to_string(scores.size()) + " scores and " + std::to_string(labels.size()) +
                               " labels for " + std::to_string(queries) + " boxes");
    std::vector<Found> found;
    for (size_t i = 0; i < queries; ++i) found.push_back({i, labels[i], scores[i]});
    return found;
  }

  void add_query(std::span<double> scores, size_t query, std::vector<Found>& found) const {
    transform_scores(scores, spec_.scores_transform);
    if (spec_.no_object_class == Spec::NoObject::first) scores = scores.subspan(1);
    if (spec_.no_object_class == Spec::NoObject::last) scores = scores.first(scores.size() - 1);
    const auto best = std::max_element(scores.begin(), scores.end());
    for (auto score = scores.begin(); score != scores.end(); ++score)
      if (spec_.detections == Spec::Detections::every_query_and_class || score == best)
        found.push_back({query, score - scores.begin(), *score});
  }

  Result<int64_t> category_of(int64_t class_number) const {
    if (spec_.category_ids.empty()) return class_number;
    if (class_number < 0 || class_number >= static_cast<int64_t>(spec_.category_ids.size()))
      return bad_input(
          "", "class " + std::to_string(class_number) + " has no entry in the metric's category_ids");
    return spec_.category_ids[static_cast<size_t>(class_number)];
  }

  CocoBox to_pixels(std::span<const double, 4> box, const CocoImage& image,
                    const ImageGeometry* geometry) const {
    CocoBox out{box[0], box[1], box[2], box[3]};
    if (spec_.box_format == Spec::BoxFormat::xyxy) {
      out.width -= out.x;
      out.height -= out.y;
    } else if (spec_.box_format == Spec::BoxFormat::cxcywh) {
      out.x -= out.width / 2;
      out.y -= out.height / 2;
    }
    double by_x = 1, by_y = 1;
    if (spec_.box_units == Spec::BoxUnits::normalized) {
      by_x = static_cast<double>(image.width);
      by_y = static_cast<double>(image.height);
    } else if (spec_.box_units == Spec::BoxUnits::input_pixels && geometry != nullptr) {
      by_x = 1 / geometry->scale_x;
      by_y = 1 / geometry->scale_y;
    }
    return {out.x * by_x, out.y * by_y, out.width * by_x, out.height * by_y};
  }

  Spec spec_;
  AveragePrecisionSum sum_;
};

Result<std::unique_ptr<Metric>> make_coco_ap(const MetricSpec& spec, const SampleSource& samples) {
  if (samples.coco() == nullptr)
    return bad_input(samples.name(), "the metric coco-ap needs COCO annotations, and there are none");
  if (spec.scores.empty() || spec.boxes.empty())
    return usage_error(samples.name(),
                       "the metric coco-ap must be told which outputs hold \"scores\" and \"boxes\"");
  return std::unique_ptr<Metric>(std::make_unique<CocoAp>(spec, *samples.coco()));
}

}  // namespace

void register_coco_ap(MetricRegistry& registry) {
  registry.add({"coco-ap", "average precision of detected boxes by the COCO rules, IoU 0.50 to 0.95", "AP",
                false, make_coco_ap});
}

}  // namespace lathe
