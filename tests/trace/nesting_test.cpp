// SPDX-License-Identifier: Apache-2.0
// Properties every built trace has, on random slices.
#include <gtest/gtest.h>
#include <map>
#include <random>

#include "profiler/trace/trace_builder.h"

namespace lathe {
namespace {

struct Made {
  Trace trace;
  std::multimap<std::pair<int64_t, int64_t>, int> given;
};

Made random_trace(uint32_t seed, int count, int64_t span, int64_t longest) {
  std::mt19937 random(seed);
  TraceBuilder b;
  const ProcessId p = b.add_process({});
  TraceLane lane;
  lane.process = p;
  const LaneId lanes[] = {b.add_lane(lane), b.add_lane(lane)};
  Made made;
  for (int i = 0; i < count; ++i) {
    const int64_t start = static_cast<int64_t>(random() % static_cast<uint32_t>(span));
    const int64_t duration = static_cast<int64_t>(random() % static_cast<uint32_t>(longest));
    b.add_slice(lanes[random() % 2], start, duration, b.string("n" + std::to_string(random() % 3)),
                b.string("c"), b.args({}));
    made.given.emplace(std::pair(start, duration), i);
  }
  made.trace = std::move(b.build()).value();
  return made;
}

void expect_nested(const Trace& trace) {
  for (size_t l = 0; l < trace.lanes().size(); ++l) {
    const LaneId lane(l);
    for (uint32_t depth = 0; depth < trace.lane(lane).rows; ++depth) {
      const SliceRange row = trace.row(lane, depth);
      for (uint32_t i = row.first; i < row.end; ++i) {
        const SliceId id{size_t{i}};
        ASSERT_EQ(trace.lane_of(id), lane);
        ASSERT_EQ(trace.depth(id), depth);
        if (i > row.first) {
          ASSERT_LE(trace.end(SliceId(size_t{i} - 1)), trace.start(id));
        }
        ASSERT_EQ(trace.parent(id).valid(), depth > 0);
        if (depth == 0) continue;
        const SliceId parent = trace.parent(id);
        ASSERT_EQ(trace.depth(parent) + 1, depth);
        ASSERT_LE(trace.start(parent), trace.start(id));
        ASSERT_GE(trace.end(parent), trace.end(id));
        const SliceRange children = trace.children(parent);
        ASSERT_TRUE(children.first <= i && i < children.end);
      }
    }
  }
}

TEST(Nesting, RandomSlicesAlwaysNest) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Made made = random_trace(seed, 200, seed % 2 == 0 ? 50 : 5000, 40);
    expect_nested(made.trace);
    ASSERT_EQ(made.trace.slice_count(), 200u);
    for (size_t i = 0; i < 200; ++i) {
      const auto found = made.given.find({made.trace.start(SliceId(i)), made.trace.duration(SliceId(i))});
      ASSERT_NE(found, made.given.end()) << "a slice was changed";
      made.given.erase(found);
    }
  }
}

TEST(Nesting, HostileOverlapStaysBounded) {
  TraceBuilder b;
  TraceLane lane;
  lane.process = b.add_process({});
  const LaneId l = b.add_lane(lane);
  for (int i = 0; i < 100000; ++i) b.add_slice(l, i, 100000, b.string("s"), b.string("c"), b.args({}));
  const Trace trace = std::move(b.build()).value();
  expect_nested(trace);
  EXPECT_LE(trace.lanes().size(), 64u);
  EXPECT_EQ(trace.info().notes.size(), 2u);
}

TEST(Nesting, SearchAgreesWithLooking) {
  const Trace trace = random_trace(7, 500, 3000, 60).trace;
  for (size_t l = 0; l < trace.lanes().size(); ++l) {
    for (int64_t time = -5; time < 3100; time += 7) {
      const SliceRange found = trace.row_between(LaneId(l), 0, time, time + 20);
      const SliceRange row = trace.row(LaneId(l), 0);
      for (uint32_t i = row.first; i < row.end; ++i) {
        const SliceId id{size_t{i}};
        const bool within = trace.start(id) <= time + 20 && trace.end(id) >= time;
        ASSERT_EQ(within, found.first <= i && i < found.end);
      }
    }
  }
}

TEST(Nesting, NextAlike) {
  const Trace trace = random_trace(3, 300, 3000, 60).trace;
  for (size_t i = 0; i < trace.slice_count(); ++i) {
    const SliceId id(i), next = trace.next_alike(id, true);
    if (!next) continue;
    EXPECT_EQ(trace.name(next), trace.name(id));
    EXPECT_GE(trace.start(next), trace.start(id));
    EXPECT_EQ(trace.next_alike(next, false), id);
  }
}

TEST(Trace, FitsInSixtyFourBytesASlice) {
  EXPECT_LE(Trace::bytes_per_slice(), 64u);
  const Trace trace = random_trace(1, 100000, 100000000, 40).trace;
  EXPECT_LE(trace.memory_bytes() / trace.slice_count(), 64u);
}

}  // namespace
}  // namespace lathe
