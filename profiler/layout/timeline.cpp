// SPDX-License-Identifier: Apache-2.0
#include "profiler/layout/timeline.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr double max_time = 4.0e18;

/// First index in [first, end) whose slice starts at or after `time`; near ones are found fast.
uint32_t first_from(std::span<const int64_t> starts, uint32_t first, uint32_t end, int64_t time) {
  uint32_t step = 1, low = first;
  while (low < end && starts[low] < time) {
    first = low + 1;
    low = end - low > step ? low + step : end;
    step *= 2;
  }
  return static_cast<uint32_t>(
      std::lower_bound(starts.begin() + first, starts.begin() + std::min(low, end), time) - starts.begin());
}

}  // namespace

int64_t TimeMap::time(double x) const {
  return static_cast<int64_t>(
      std::llround(std::clamp(static_cast<double>(begin_ns) + x * ns_per_pixel, -max_time, max_time)));
}

TimeMap TimeMap::zoomed(double x, double factor) const {
  constexpr double closest = 0.01;  // a nanosecond in 100 pixels
  const double scale = std::clamp(ns_per_pixel / factor, closest, 1e15);
  const double anchor = static_cast<double>(begin_ns) + x * ns_per_pixel;
  return {static_cast<int64_t>(std::llround(std::clamp(anchor - x * scale, -max_time, max_time))), scale};
}

TimeMap TimeMap::fit(int64_t begin, int64_t end, double width) {
  return {begin, std::max(static_cast<double>(end - begin) / std::max(width, 1.0), 0.01)};
}

std::vector<SliceRect> visible_slices(const Trace& trace, LaneId lane, uint32_t depth, const TimeMap& map,
                                      double width, double min_width) {
  std::vector<SliceRect> rects;
  const SliceRange range = trace.row_between(lane, depth, map.time(0), map.time(width));
  const std::span<const int64_t> starts = trace.starts();
  double drawn = 0;  // right border of what is drawn
  for (uint32_t i = range.first; i < range.end;) {
    const SliceId id{size_t{i}};
    const double left = std::max(map.x(trace.start(id)), drawn), right = map.x(trace.end(id));
    if (right - left >= min_width) {
      const double end = std::min(right, width);
      if (end > left) rects.push_back({left, end - left, id, 1});
      drawn = std::max(drawn, end);
      ++i;
      continue;
    }
    // Too narrow: it and all that start in the same pixel are one rectangle; a wide last one stands for
    // itself.
    uint32_t next = std::max(i + 1, first_from(starts, i + 1, range.end, map.time(left + min_width)));
    if (next > i + 1 && map.x(trace.end(SliceId(size_t{next} - 1))) - map.x(starts[next - 1]) >= min_width)
      --next;
    const double end = std::min(left + min_width, width);
    if (end > left) rects.push_back({left, end - left, id, next - i});
    drawn = std::max(drawn, end);
    i = next;
  }
  return rects;
}

SliceId pick_slice(const Trace& trace, LaneId lane, uint32_t depth, const TimeMap& map, double x,
                   double tolerance) {
  const int64_t time = map.time(x);
  if (const SliceId exact = trace.slice_at(lane, depth, time)) return exact;
  const SliceRange near = trace.row_between(lane, depth, map.time(x - tolerance), map.time(x + tolerance));
  if (near.empty()) return {};
  // None holds the time: the nearest is the last before it or the first after it.
  const auto first = trace.starts().begin();
  const auto after =
      static_cast<uint32_t>(std::lower_bound(first + near.first, first + near.end, time) - first);
  if (after == near.first) return SliceId(size_t{after});
  const SliceId before(size_t{after} - 1);
  if (after == near.end) return before;
  const SliceId next{size_t{after}};
  return time - trace.end(before) <= trace.start(next) - time ? before : next;
}

std::vector<CounterColumn> visible_counter(const CounterTrack& track, const TimeMap& map, double width) {
  std::vector<CounterColumn> columns;
  const int64_t begin = map.time(0), end = map.time(width);
  // The value at the left border was set before it.
  size_t i = static_cast<size_t>(std::upper_bound(track.times.begin(), track.times.end(), begin) -
                                 track.times.begin());
  if (i > 0) --i;
  for (; i < track.times.size() && track.times[i] <= end; ++i) {
    const double x = std::floor(std::max(0.0, map.x(track.times[i])));
    const double value = track.values[i];
    if (!columns.empty() && columns.back().x == x) {
      CounterColumn& column = columns.back();
      column.low = std::min(column.low, value), column.high = std::max(column.high, value),
      column.last = value;
      continue;
    }
    if (!columns.empty()) columns.back().width = x - columns.back().x;
    columns.push_back({x, 0, value, value, value});
  }
  if (!columns.empty()) columns.back().width = std::max(0.0, width - columns.back().x);
  return columns;
}

}  // namespace lathe
