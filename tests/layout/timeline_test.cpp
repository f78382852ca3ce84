// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/timeline.h"

#include <gtest/gtest.h>

#include "profiler/layout/flame.h"
#include "profiler/trace/trace_builder.h"

namespace lathe {
namespace {

Trace dense(int count) {
  TraceBuilder b;
  TraceLane lane;
  lane.process = b.add_process({});
  const LaneId l = b.add_lane(lane);
  for (int i = 0; i < count; ++i)
    b.add_slice(l, i * 100, i % 1000 == 0 ? 100 : 60, b.string("s"), b.string("c"), b.args({}));
  return std::move(b.build()).value();
}

TEST(Timeline, TimeMap) {
  const TimeMap map = TimeMap::fit(1000, 3000, 100);
  EXPECT_DOUBLE_EQ(map.x(2000), 50);
  EXPECT_EQ(map.time(50), 2000);
  const TimeMap closer = map.zoomed(50, 2);
  EXPECT_DOUBLE_EQ(closer.x(2000), 50);
  EXPECT_DOUBLE_EQ(closer.ns_per_pixel, 10);
  EXPECT_EQ(map.panned(10).begin_ns, 1200);
}

TEST(Timeline, AsManyRectanglesAsPixelsAtMost) {
  const Trace trace = dense(100000);
  const LaneId lane(size_t{0});
  for (const double width : {100.0, 1000.0}) {
    const TimeMap map = TimeMap::fit(0, trace.end_time(), width);
    const std::vector<SliceRect> rects = visible_slices(trace, lane, 0, map, width);
    EXPECT_LE(rects.size(), static_cast<size_t>(width) + 1);
    EXPECT_GT(rects.size(), static_cast<size_t>(width) / 2);
    uint32_t slices = 0;
    double right = 0;
    for (const SliceRect& rect : rects) {
      EXPECT_GE(rect.x, right - 1e-9);
      right = rect.x + rect.width;
      slices += rect.count;
    }
    EXPECT_LE(right, width + 1e-9);
    EXPECT_GE(slices, 100000u - 200u);
  }
}

TEST(Timeline, CloseUpShowsEachSlice) {
  const Trace trace = dense(1000);
  const TimeMap map{10000, 1};
  const std::vector<SliceRect> rects = visible_slices(trace, LaneId(size_t{0}), 0, map, 250);
  ASSERT_EQ(rects.size(), 3u);
  for (const SliceRect& rect : rects) EXPECT_EQ(rect.count, 1u);
  EXPECT_DOUBLE_EQ(rects[1].x, 100);
  EXPECT_DOUBLE_EQ(rects[1].width, 60);
  EXPECT_EQ(pick_slice(trace, LaneId(size_t{0}), 0, map, 130), rects[1].slice);
  EXPECT_FALSE(pick_slice(trace, LaneId(size_t{0}), 0, map, 180).valid());
  EXPECT_EQ(pick_slice(trace, LaneId(size_t{0}), 0, map, 161, 2), rects[1].slice);
}

TEST(Timeline, CounterColumnsKeepPeaks) {
  CounterTrack track;
  for (int i = 0; i < 1000; ++i) {
    track.times.push_back(i);
    track.values.push_back(i == 505 ? 99 : 1);
  }
  const std::vector<CounterColumn> columns = visible_counter(track, {0, 10}, 100);
  EXPECT_LE(columns.size(), 100u);
  double peak = 0;
  for (const CounterColumn& column : columns) peak = std::max(peak, column.high);
  EXPECT_EQ(peak, 99);
}

TEST(Flame, SumsByChainOfNames) {
  TraceBuilder b;
  TraceLane lane;
  lane.process = b.add_process({});
  const LaneId l = b.add_lane(lane);
  for (const int64_t t : {0, 100}) {
    b.add_slice(l, t, 50, b.string("outer"), b.string("c"), b.args({}));
    b.add_slice(l, t + 10, 20, b.string("inner"), b.string("c"), b.args({}));
  }
  b.add_slice(l, 200, 300, b.string("wide"), b.string("c"), b.args({}));
  const Trace trace = std::move(b.build()).value();
  const Flame all = flame(trace, {}, 0, 500).value();
  ASSERT_EQ(all.frames.size(), 3u);
  EXPECT_EQ(all.total_ns, 400);
  EXPECT_EQ(all.depth, 2u);
  EXPECT_EQ(all.frames[0].total_ns, 100);
  EXPECT_EQ(all.frames[0].self_ns, 60);
  EXPECT_EQ(all.frames[0].count, 2u);
  EXPECT_DOUBLE_EQ(all.frames[0].x, 0.75) << "the widest stands first";
  EXPECT_EQ(all.frames[2].parent, 0);
  EXPECT_DOUBLE_EQ(all.frames[2].width, 0.1);
  EXPECT_EQ(flame(trace, {l}, 20, 120)->frames[0].total_ns, 50);
}

}  // namespace
}  // namespace lathe
