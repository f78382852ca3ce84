// SPDX-License-Identifier: Apache-2.0
// NonMaxSuppression.
#include <algorithm>
#include <array>
#include <limits>

#include "engine/ops/movement_util.h"

namespace lathe {
namespace {

Status infer_nms(InferContext& context) {
  context.set_tensor(0, ElementType::i64, Dims{context.data_dependent_dim("boxes"), Dim(3)});
  return {};
}

/// Corners in order, whichever way the box was given.
struct Box {
  float y0, x0, y1, x1;
  float area() const { return (y1 - y0) * (x1 - x0); }
};

Box read_box(const float* box, bool center) {
  if (center) return {box[1] - box[3] / 2, box[0] - box[2] / 2, box[1] + box[3] / 2, box[0] + box[2] / 2};
  return {std::min(box[0], box[2]), std::min(box[1], box[3]), std::max(box[0], box[2]),
          std::max(box[1], box[3])};
}

bool overlaps(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  const float width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (height <= 0 || width <= 0) return false;
  const float intersection = height * width, both = a.area() + b.area() - intersection;
  return a.area() > 0 && b.area() > 0 && both > 0 && intersection / both > threshold;
}

struct Limits {
  int64_t boxes = 0;
  float overlap = 0;
  float score = -std::numeric_limits<float>::infinity();
  bool has_score = false;
};

/// Boxes of one class, best first; of equal scores the first box.
std::vector<int64_t> suppress(std::span<const Box> boxes, const float* scores, const Limits& limits) {
  std::vector<int64_t> candidates, selected;
  for (int64_t i = 0; i < static_cast<int64_t>(boxes.size()); ++i)
    if (!limits.has_score || scores[i] > limits.score) candidates.push_back(i);
  std::stable_sort(candidates.begin(), candidates.end(), [&](int64_t a, int64_t b) {
    // NaN last, so that this is an order.
    const bool a_number = scores[a] == scores[a], b_number = scores[b] == scores[b];
    return a_number && b_number ? scores[a] > scores[b] : a_number && !b_number;
  });
  for (const int64_t candidate : candidates) {
    if (static_cast<int64_t>(selected.size()) >= limits.boxes) break;
    const Box& box = boxes[static_cast<size_t>(candidate)];
    const bool hidden = std::any_of(selected.begin(), selected.end(), [&](int64_t other) {
      return overlaps(box, boxes[static_cast<size_t>(other)], limits.overlap);
    });
    if (!hidden) selected.push_back(candidate);
  }
  return selected;
}

Result<Limits> read_limits(const RunContext& context) {
  Limits limits;
  if (context.has_input(2)) {
    LATHE_ASSIGN(limits.boxes, integer_input(context, 2, "max_output_boxes_per_class"));
  }
  for (const size_t i : {3, 4}) {
    if (!context.has_input(i)) continue;
    LATHE_ASSIGN(const Tensor* tensor,
                 tensor_input(context, i, i == 3 ? "iou_threshold" : "score_threshold"));
    const auto number = tensor->to_double();
    if (number.size() != 1) return context.error("needs one threshold, not " + std::to_string(number.size()));
    (i == 3 ? limits.overlap : limits.score) = static_cast<float>(number[0]);
    limits.has_score = i == 4;
  }
  return limits;
}

Status run_nms(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 3, "boxes"));
  LATHE_TRY(check_rank(context, 1, 3, "scores"));
  const Tensor &boxes = context.tensor(0), &scores = context.tensor(1);
  for (const Tensor* tensor : {&boxes, &scores})
    if (tensor->type() != ElementType::f32) return context.type_error(tensor->type());
  const int64_t batches = boxes.dim(0), count = boxes.dim(1), classes = scores.dim(1);
  if (boxes.dim(2) != 4 || scores.dim(0) != batches || scores.dim(2) != count)
    return context.error("has boxes of shape " + to_string(boxes.shape()) + " but scores of shape " +
                         to_string(scores.shape()));
  LATHE_ASSIGN(const Limits limits, read_limits(context));
  const bool center = context.attributes().get_int("center_point_box", 0) != 0;
  std::vector<std::array<int64_t, 3>> rows;
  for (int64_t batch = 0; batch < batches && limits.boxes > 0; ++batch) {
    std::vector<Box> list;
    for (int64_t i = 0; i < count; ++i)
      list.push_back(read_box(boxes.data<float>().data() + (batch * count + i) * 4, center));
    for (int64_t kind = 0; kind < classes; ++kind)
      for (const int64_t box :
           suppress(list, scores.data<float>().data() + (batch * classes + kind) * count, limits))
        rows.push_back({batch, kind, box});
  }
  LATHE_ASSIGN(Tensor * output, context.output(0, ElementType::i64, {static_cast<int64_t>(rows.size()), 3}));
  int64_t* to = output->mutable_data<int64_t>().data();
  for (const auto& row : rows) to = std::copy(row.begin(), row.end(), to);
  return {};
}

}  // namespace

void register_non_max_suppression(OperatorRegistry& registry) {
  registry.add({"", "NonMaxSuppression", {10, 11}, 2, 5, 1, 1, trait_data_dependent, infer_nms, run_nms});
}

}  // namespace lathe
