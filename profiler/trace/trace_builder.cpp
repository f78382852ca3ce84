// SPDX-License-Identifier: Apache-2.0
#include "profiler/trace/trace_builder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lathe {
namespace {

/// Slices that do not nest go to this many extra lanes at most; beyond, they are cut to fit, so that hostile
/// input costs no more than this times its size.
constexpr size_t max_spill_lanes = 64;
/// Deeper slices go to an extra lane: nobody can look at so many rows, and every search visits them.
constexpr size_t max_depth = 1024;

int64_t clamp_time(int64_t time) {
  return std::clamp(time, -max_trace_time, max_trace_time);
}

}  // namespace

/// Nests the slices of one lane, given in order of start, longest first.
class TraceBuilder::Nester {
 public:
  Nester(TraceBuilder& builder, Placement& placement) : builder_(builder), placement_(placement) {}

  void begin_lane(LaneId lane) {
    base_ = lane;
    for (Level& level : levels_) level.open.clear();
    levels_.resize(std::min<size_t>(levels_.size(), 1));
    if (levels_.empty()) levels_.emplace_back();
    levels_[0].lane = lane;
  }

  void add(uint32_t position) {
    RawSlice& slice = builder_.slices_[placement_.order[position]];
    for (size_t i = 0;; ++i) {
      if (i == levels_.size()) levels_.push_back({spill_lane(i), {}});
      Level& level = levels_[i];
      while (!level.open.empty() && end_of(level.open.back()) <= slice.start) level.open.pop_back();
      const int64_t excess =
          level.open.empty() ? 0 : slice.start + slice.duration - end_of(level.open.back());
      const bool last = i + 1 == max_spill_lanes;
      const bool fits = excess <= builder_.tolerance_ && level.open.size() < max_depth;
      if (!fits && !last) continue;
      if (excess > 0) {
        slice.duration -= excess;
        if (!fits) ++cut_;
      }
      if (level.open.size() >= max_depth) {  // no row left below: the slice there ends here
        RawSlice& deepest = builder_.slices_[placement_.order[level.open.back()]];
        deepest.duration = slice.start - deepest.start;
        level.open.pop_back();
        ++cut_;
      }
      placement_.parent.push_back(level.open.empty() ? SliceId::none : level.open.back());
      placement_.depth.push_back(static_cast<uint16_t>(level.open.size()));
      placement_.lane.push_back(level.lane);
      level.open.push_back(position);
      if (i > 0) ++spilled_;
      return;
    }
  }

  void report(std::vector<std::string>& notes) const {
    if (spilled_ > 0)
      notes.push_back(
          std::to_string(spilled_) +
          " slices overlap others of their thread without nesting; they are shown in extra lanes");
    if (cut_ > 0)
      notes.push_back(std::to_string(cut_) +
                      " slices were shortened: more overlap than extra lanes can hold");
  }

 private:
  struct Level {
    LaneId lane;
    std::vector<uint32_t> open;  ///< positions, outermost first
  };

  int64_t end_of(uint32_t position) const {
    const RawSlice& slice = builder_.slices_[placement_.order[position]];
    return slice.start + slice.duration;
  }

  LaneId spill_lane(size_t number) {
    TraceLane lane = builder_.trace_.lanes_[base_.index];
    lane.name =
        builder_.string(std::string(builder_.text(lane.name)) + " (overlap " + std::to_string(number) + ")");
    lane.tid = -1;
    lane.spilled_from = base_;
    return builder_.add_lane(lane);
  }

  TraceBuilder& builder_;
  Placement& placement_;
  LaneId base_;
  std::vector<Level> levels_;
  size_t spilled_ = 0, cut_ = 0;
};

ProcessId TraceBuilder::add_process(TraceProcess process) {
  trace_.processes_.push_back(process);
  return ProcessId(trace_.processes_.size() - 1);
}

LaneId TraceBuilder::add_lane(TraceLane lane) {
  trace_.lanes_.push_back(lane);
  return LaneId(trace_.lanes_.size() - 1);
}

void TraceBuilder::add_slice(LaneId lane, int64_t start, int64_t duration, StringId name, StringId category,
                             ArgsId args) {
  slices_.push_back(
      {clamp_time(start), clamp_time(std::max<int64_t>(duration, 0)), name, category, args, lane});
}

void TraceBuilder::add_counter(ProcessId process, StringId name, StringId series, int64_t time,
                               double value) {
  if (!std::isfinite(value)) return;
  const auto [found, added] = tracks_.try_emplace({process, name, series}, trace_.counters_.size());
  if (added) trace_.counters_.push_back({process, name, series, {}, {}});
  CounterTrack& track = trace_.counters_[found->second];
  track.times.push_back(clamp_time(time));
  track.values.push_back(value);
}

void TraceBuilder::add_flow(FlowPoint point) {
  point.time = clamp_time(point.time);
  trace_.flows_.push_back(point);
}

void TraceBuilder::add_instant(Instant instant) {
  instant.time = clamp_time(instant.time);
  trace_.instants_.push_back(instant);
}

std::vector<uint32_t> TraceBuilder::sorted_slices() const {
  std::vector<uint32_t> begins(trace_.lanes_.size() + 1, 0);
  for (const RawSlice& slice : slices_) ++begins[slice.lane.index + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<uint32_t> order(slices_.size());
  std::vector<uint32_t> next(begins.begin(), begins.end() - 1);
  for (uint32_t i = 0; i < slices_.size(); ++i) order[next[slices_[i].lane.index]++] = i;
  const auto before = [&](uint32_t a, uint32_t b) {
    if (slices_[a].start != slices_[b].start) return slices_[a].start < slices_[b].start;
    return slices_[a].duration > slices_[b].duration;
  };
  for (size_t lane = 0; lane + 1 < begins.size(); ++lane) {
    const auto first = order.begin() + begins[lane], last = order.begin() + begins[lane + 1];
    if (!std::is_sorted(first, last, before)) std::stable_sort(first, last, before);
  }
  return order;
}

void TraceBuilder::place(Placement& placement, const JobContext& job) {
  placement.order = sorted_slices();
  placement.parent.reserve(slices_.size());
  placement.depth.reserve(slices_.size());
  placement.lane.reserve(slices_.size());
  Nester nester(*this, placement);
  LaneId current;
  for (uint32_t position = 0; position < placement.order.size(); ++position) {
    if (position % 65536 == 0 && job.stop_requested()) return;
    const LaneId lane = slices_[placement.order[position]].lane;
    if (lane != current) nester.begin_lane(current = lane);
    nester.add(position);
  }
  nester.report(info.notes);
}

void TraceBuilder::fill_columns(const Placement& placement) {
  const size_t count = slices_.size();
  // A place for each slice: counted by row, rows of a lane one after the other.
  for (size_t i = 0; i < count; ++i) {
    TraceLane& lane = trace_.lanes_[placement.lane[i].index];
    lane.rows = std::max<uint32_t>(lane.rows, placement.depth[i] + 1u);
  }
  uint32_t rows = 0;
  for (TraceLane& lane : trace_.lanes_) {
    lane.first_row = rows;
    rows += lane.rows;
  }
  const auto row_of = [&](size_t i) {
    return trace_.lanes_[placement.lane[i].index].first_row + placement.depth[i];
  };
  trace_.row_begins_.assign(rows + 1, 0);
  for (size_t i = 0; i < count; ++i) ++trace_.row_begins_[row_of(i) + 1];
  std::partial_sum(trace_.row_begins_.begin(), trace_.row_begins_.end(), trace_.row_begins_.begin());
  for (TraceLane& lane : trace_.lanes_) {
    lane.first_slice = trace_.row_begins_[lane.first_row];
    lane.end_slice = trace_.row_begins_[lane.first_row + lane.rows];
  }
  std::vector<uint32_t> next(trace_.row_begins_.begin(), trace_.row_begins_.end() - 1);
  std::vector<uint32_t> place(count);
  for (size_t i = 0; i < count; ++i) place[i] = next[row_of(i)]++;

  trace_.starts_.resize(count), trace_.durations_.resize(count), trace_.names_.resize(count);
  trace_.categories_.resize(count), trace_.args_.resize(count), trace_.parents_.resize(count);
  trace_.slice_lanes_.resize(count), trace_.depths_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const RawSlice& slice = slices_[placement.order[i]];
    const uint32_t at = place[i];
    trace_.starts_[at] = slice.start, trace_.durations_[at] = slice.duration;
    trace_.names_[at] = slice.name, trace_.categories_[at] = slice.category, trace_.args_[at] = slice.args;
    trace_.slice_lanes_[at] = placement.lane[i], trace_.depths_[at] = placement.depth[i];
    if (placement.parent[i] != SliceId::none)
      trace_.parents_[at] = SliceId(size_t{place[placement.parent[i]]});
  }
}

void TraceBuilder::name_lanes() {
  const auto shown = [](int64_t number, std::string_view text) {
    return number >= 0 || text.empty() ? std::to_string(std::max<int64_t>(number, 0)) : std::string(text);
  };
  for (TraceProcess& process : trace_.processes_)
    if (!process.name.valid() || text(process.name).empty())
      process.name =
          string("process " + shown(process.pid, process.pid_text.valid() ? text(process.pid_text) : ""));
  for (TraceLane& lane : trace_.lanes_)
    if (!lane.name.valid() || text(lane.name).empty())
      lane.name = string("thread " + shown(lane.tid, lane.tid_text.valid() ? text(lane.tid_text) : ""));
}

void TraceBuilder::sort_counters() {
  for (CounterTrack& track : trace_.counters_) {
    if (std::is_sorted(track.times.begin(), track.times.end())) continue;
    std::vector<size_t> order(track.times.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return track.times[a] < track.times[b]; });
    CounterTrack sorted = track;
    for (size_t i = 0; i < order.size(); ++i) {
      sorted.times[i] = track.times[order[i]];
      sorted.values[i] = track.values[order[i]];
    }
    track = std::move(sorted);
  }
}

void TraceBuilder::bind_flows() {
  std::vector<std::vector<LaneId>> lanes(trace_.lanes_.size());  // a lane and what was spilled from it
  for (size_t i = 0; i < trace_.lanes_.size(); ++i)
    lanes[trace_.lanes_[i].spilled_from ? trace_.lanes_[i].spilled_from.index : i].emplace_back(i);
  for (FlowPoint& point : trace_.flows_) {
    for (const LaneId lane : lanes[point.lane.index]) {
      const SliceId slice = trace_.deepest_slice_at(lane, point.time);
      if (slice && (!point.slice || trace_.start(slice) > trace_.start(point.slice))) point.slice = slice;
    }
    if (point.slice) point.lane = trace_.lane_of(point.slice);
  }
  std::stable_sort(trace_.flows_.begin(), trace_.flows_.end(), [](const FlowPoint& a, const FlowPoint& b) {
    return std::tuple(a.time, a.kind) < std::tuple(b.time, b.kind);
  });
}

Result<Trace> TraceBuilder::build(const JobContext& job) {
  if (slices_.size() >= SliceId::none) return resource_error("", "more than 4 billion slices");
  name_lanes();
  Placement placement;
  place(placement, job);
  LATHE_TRY(job.check());
  fill_columns(placement);
  slices_ = {};
  sort_counters();
  bind_flows();
  std::stable_sort(trace_.instants_.begin(), trace_.instants_.end(),
                   [](const Instant& a, const Instant& b) { return a.time < b.time; });
  trace_.set_time_range();
  trace_.info_ = std::move(info);
  return std::move(trace_);
}

}  // namespace lathe
