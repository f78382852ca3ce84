// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/flame.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace lathe {
namespace {

class FlameBuilder {
 public:
  FlameBuilder(const Trace& trace, int64_t begin, int64_t end) : trace_(trace), begin_(begin), end_(end) {}

  Status add(LaneId lane, const JobContext& job) {
    std::unordered_map<uint32_t, int> above, row;  // frame of a slice one row up, and of this row
    for (uint32_t depth = 0; depth < trace_.lane(lane).rows; ++depth) {
      LATHE_TRY(job.check());
      row.clear();
      const SliceRange range = trace_.row_between(lane, depth, begin_, end_);
      for (uint32_t i = range.first; i < range.end; ++i) {
        const SliceId id{size_t{i}};
        const int64_t time = std::min(trace_.end(id), end_) - std::max(trace_.start(id), begin_);
        if (time < 0) continue;
        const auto parent = trace_.parent(id) ? above.find(trace_.parent(id).index) : above.end();
        row[i] = add(id, depth, parent == above.end() ? -1 : parent->second, time);
      }
      std::swap(above, row);
    }
    return {};
  }

  Flame finish() {
    std::vector<std::vector<int>> children(flame_.frames.size());
    std::vector<int> roots;
    for (size_t i = 0; i < flame_.frames.size(); ++i) {
      const FlameFrame& frame = flame_.frames[i];
      flame_.depth = std::max(flame_.depth, frame.depth + 1);
      (frame.parent < 0 ? roots : children[static_cast<size_t>(frame.parent)]).push_back(static_cast<int>(i));
      if (frame.parent < 0) flame_.total_ns += frame.total_ns;
    }
    place(roots, 0);
    for (size_t i = 0; i < children.size(); ++i) place(children[i], flame_.frames[i].x);
    return std::move(flame_);
  }

 private:
  int add(SliceId id, uint32_t depth, int parent, int64_t time) {
    const auto [found, added] =
        frames_.try_emplace({parent, trace_.name(id)}, static_cast<int>(flame_.frames.size()));
    if (added)
      flame_.frames.push_back({trace_.name(id), trace_.category(id), depth, parent, 0, 0, 0, id, 0, 0});
    FlameFrame& frame = flame_.frames[static_cast<size_t>(found->second)];
    frame.total_ns += time;
    frame.self_ns += time;
    ++frame.count;
    if (trace_.duration(id) > trace_.duration(frame.example)) frame.example = id;
    if (parent >= 0) flame_.frames[static_cast<size_t>(parent)].self_ns -= time;
    return found->second;
  }

  void place(std::vector<int>& frames, double x) {
    std::stable_sort(frames.begin(), frames.end(), [&](int a, int b) {
      return flame_.frames[static_cast<size_t>(a)].total_ns > flame_.frames[static_cast<size_t>(b)].total_ns;
    });
    for (const int i : frames) {
      FlameFrame& frame = flame_.frames[static_cast<size_t>(i)];
      frame.x = x;
      frame.width = flame_.total_ns > 0
                        ? static_cast<double>(frame.total_ns) / static_cast<double>(flame_.total_ns)
                        : 0;
      x += frame.width;
    }
  }

  const Trace& trace_;
  int64_t begin_, end_;
  Flame flame_;
  std::map<std::pair<int, StringId>, int> frames_;
};

}  // namespace

Result<Flame> flame(const Trace& trace, const std::vector<LaneId>& lanes, int64_t begin, int64_t end,
                    const JobContext& job) {
  FlameBuilder builder(trace, begin, end);
  if (lanes.empty()) {
    for (size_t i = 0; i < trace.lanes().size(); ++i) LATHE_TRY(builder.add(LaneId(i), job));
  }
  for (const LaneId lane : lanes) LATHE_TRY(builder.add(lane, job));
  return builder.finish();
}

}  // namespace lathe
