// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/trace.h"

#include <algorithm>
#include <limits>

namespace lathe {
namespace {

template <class T>
size_t bytes_of(const std::vector<T>& column) {
  return column.capacity() * sizeof(T);
}

}  // namespace

const std::string* TraceInfo::find_metadata(std::string_view key) const {
  for (const auto& [name, json] : metadata)
    if (name == key) return &json;
  return nullptr;
}

std::vector<LaneId> Trace::lanes_in_order() const {
  std::vector<LaneId> order;
  for (size_t i = 0; i < lanes_.size(); ++i) order.emplace_back(i);
  const auto base = [&](LaneId id) {
    return lanes_[id.index].spilled_from ? lanes_[id.index].spilled_from : id;
  };
  const auto key = [&](LaneId id) {
    const LaneId lane = base(id);
    const ProcessId process = lanes_[lane.index].process;
    return std::tuple(processes_[process.index].sort_index, process.index, lanes_[lane.index].sort_index,
                      lane.index, id.index);
  };
  std::sort(order.begin(), order.end(), [&](LaneId a, LaneId b) { return key(a) < key(b); });
  return order;
}

const Arg* Trace::arg(SliceId id, std::string_view key) const {
  for (const Arg& arg : args(id))
    if (text(arg.key) == key) return &arg;
  return nullptr;
}

std::string_view Trace::arg_text(SliceId id, std::string_view key) const {
  const Arg* found = arg(id, key);
  if (found == nullptr || (found->kind != ArgKind::string && found->kind != ArgKind::json)) return {};
  return text(found->text());
}

SliceRange Trace::row(LaneId lane, uint32_t depth) const {
  const TraceLane& l = lanes_[lane.index];
  if (depth >= l.rows) return {};
  return {row_begins_[l.first_row + depth], row_begins_[l.first_row + depth + 1]};
}

SliceRange Trace::row_between(LaneId lane, uint32_t depth, int64_t begin, int64_t end) const {
  const SliceRange all = row(lane, depth);
  const auto first = starts_.begin() + all.first, last = starts_.begin() + all.end;
  // Slices of a row do not overlap, so their ends ascend as their starts do.
  auto low = std::partition_point(first, last, [&](const int64_t& start) {
    return start + durations_[static_cast<size_t>(&start - starts_.data())] < begin;
  });
  auto high = std::upper_bound(low, last, end);
  return {static_cast<uint32_t>(low - starts_.begin()), static_cast<uint32_t>(high - starts_.begin())};
}

SliceId Trace::slice_at(LaneId lane, uint32_t depth, int64_t time) const {
  const SliceRange range = row_between(lane, depth, time, time);
  return range.empty() ? SliceId() : SliceId(size_t{range.end} - 1);
}

SliceId Trace::deepest_slice_at(LaneId lane, int64_t time) const {
  SliceId deepest;
  for (uint32_t depth = 0; depth < lanes_[lane.index].rows; ++depth) {
    const SliceId slice = slice_at(lane, depth, time);
    if (!slice) break;
    deepest = slice;
  }
  return deepest;
}

SliceRange Trace::children(SliceId id) const {
  const SliceRange below = row_between(lane_of(id), depth(id) + 1, start(id), end(id));
  const auto first = parents_.begin() + below.first, last = parents_.begin() + below.end;
  // Parents ascend along a row; neighbours that only touch this slice belong to the slices beside it.
  const auto [low, high] = std::equal_range(first, last, id);
  return {static_cast<uint32_t>(low - parents_.begin()), static_cast<uint32_t>(high - parents_.begin())};
}

SliceId Trace::next_alike(SliceId id, bool forward) const {
  const TraceLane& lane = lanes_[lane_of(id).index];
  SliceId best;
  const auto key = [&](SliceId s) { return std::pair(start(s), s.index); };
  for (uint32_t i = lane.first_slice; i < lane.end_slice; ++i) {
    const SliceId other{size_t{i}};
    if (names_[i] != name(id) || other == id || (key(other) > key(id)) != forward) continue;
    if (!best || (key(other) < key(best)) == forward) best = other;
  }
  return best;
}

void Trace::set_time_range() {
  begin_time_ = std::numeric_limits<int64_t>::max();
  end_time_ = std::numeric_limits<int64_t>::min();
  const auto include = [&](int64_t from, int64_t to) {
    begin_time_ = std::min(begin_time_, from);
    end_time_ = std::max(end_time_, to);
  };
  for (size_t i = 0; i < starts_.size(); ++i) include(starts_[i], starts_[i] + durations_[i]);
  for (const CounterTrack& track : counters_)
    if (!track.times.empty()) include(track.times.front(), track.times.back());
  if (starts_.empty())
    for (const Instant& instant : instants_) include(instant.time, instant.time);
  if (begin_time_ > end_time_) begin_time_ = end_time_ = 0;
}

size_t Trace::memory_bytes() const {
  size_t bytes = bytes_of(starts_) + bytes_of(durations_) + bytes_of(names_) + bytes_of(categories_) +
                 bytes_of(args_) + bytes_of(parents_) + bytes_of(slice_lanes_) + bytes_of(depths_) +
                 bytes_of(row_begins_) + bytes_of(flows_) + bytes_of(instants_) + strings_.memory_bytes() +
                 arguments_.memory_bytes();
  for (const CounterTrack& track : counters_) bytes += bytes_of(track.times) + bytes_of(track.values);
  return bytes;
}

}  // namespace lathe
