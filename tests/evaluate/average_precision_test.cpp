// SPDX-License-Identifier: Apache-2.0
// Expected values are those of the published COCO evaluation, worked out by hand.
#include "profiler/evaluate/average_precision.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

const std::vector<CocoCategory> one_category = {{1, "thing"}};
constexpr CocoBox square = {10, 10, 20, 20};

CocoObject object(CocoBox box, bool crowd = false, int64_t category = 1) {
  return {category, box, box.width * box.height, crowd};
}

AveragePrecision judge(const std::vector<CocoObject>& objects, const std::vector<Detection>& detections,
                       size_t most = 100) {
  AveragePrecisionSum sum(one_category, most);
  sum.add_image(objects, detections);
  return sum.result();
}

TEST(BoxIou, OfKnownBoxes) {
  EXPECT_DOUBLE_EQ(box_iou(square, square, false), 1);
  EXPECT_DOUBLE_EQ(box_iou({0, 0, 10, 10}, {5, 0, 10, 10}, false), 50.0 / 150);
  EXPECT_EQ(box_iou({0, 0, 10, 10}, {10, 0, 10, 10}, false), 0);
  EXPECT_DOUBLE_EQ(box_iou({0, 0, 10, 10}, {0, 0, 100, 100}, true), 1);  // crowd: over the detection's area
}

TEST(AveragePrecision, PerfectIsOne) {
  const auto result = judge({object(square)}, {{1, 0.9, square}});
  EXPECT_NEAR(result.ap, 1, 1e-12);
  EXPECT_NEAR(result.ap50, 1, 1e-12);
}

TEST(AveragePrecision, NothingFoundIsZeroNothingToFindIsUndefined) {
  EXPECT_EQ(judge({object(square)}, {}).ap, 0);
  EXPECT_EQ(judge({}, {{1, 0.9, square}}).ap, -1);
}

TEST(AveragePrecision, OverlapDecidesPerThreshold) {
  // IoU 0.72: right at 0.50 .. 0.70, five of ten thresholds.
  const auto result = judge({object({0, 0, 100, 100})}, {{1, 0.9, {0, 0, 72, 100}}});
  EXPECT_NEAR(result.ap, 0.5, 1e-12);
  EXPECT_NEAR(result.ap50, 1, 1e-12);
}

TEST(AveragePrecision, FalseAlarmBeforeTheRightOneHalvesPrecision) {
  EXPECT_NEAR(judge({object(square)}, {{1, 0.9, {60, 60, 5, 5}}, {1, 0.5, square}}).ap, 0.5, 1e-12);
  EXPECT_NEAR(judge({object(square)}, {{1, 0.4, {60, 60, 5, 5}}, {1, 0.5, square}}).ap, 1, 1e-12);
}

TEST(AveragePrecision, SecondHitOnOneObjectIsAFalseAlarm) {
  // One of two objects found, then a double: recall stays 0.5, so 51 of 101 recalls have precision 1.
  EXPECT_NEAR(judge({object(square), object({50, 50, 9, 9})}, {{1, 0.9, square}, {1, 0.8, square}}).ap,
              51.0 / 101, 1e-12);
}

TEST(AveragePrecision, CrowdsNeitherCountNorHurt) {
  const std::vector<CocoObject> objects = {object({0, 0, 100, 100}, true), object({200, 200, 10, 10})};
  const std::vector<Detection> detections = {
      {1, 0.9, {0, 0, 20, 20}}, {1, 0.8, {30, 30, 20, 20}}, {1, 0.7, {200, 200, 10, 10}}};
  EXPECT_NEAR(judge(objects, detections).ap, 1, 1e-12);
}

TEST(AveragePrecision, OnlyTheBestDetectionsCount) {
  EXPECT_EQ(judge({object(square)}, {{1, 0.9, {60, 60, 5, 5}}, {1, 0.5, square}}, 1).ap, 0);
}

TEST(AveragePrecision, CategoriesAreAveragedAndUnknownOnesLeftOut) {
  AveragePrecisionSum sum({{1, "a"}, {2, "b"}, {3, "empty"}}, 100);
  sum.add_image({object(square), object(square, false, 2)}, {{1, 0.9, square}, {9, 0.9, square}});
  EXPECT_NEAR(sum.result().ap, 0.5, 1e-12);
}

TEST(AveragePrecision, ScoresAreComparedAcrossImages) {
  AveragePrecisionSum sum(one_category, 100);
  sum.add_image({object(square)}, {{1, 0.5, square}});
  sum.add_image({}, {{1, 0.9, square}});
  EXPECT_NEAR(sum.result().ap, 0.5, 1e-12);
}

}  // namespace
}  // namespace lathe
