// SPDX-License-Identifier: Apache-2.0
// Collects events in any order and makes a Trace of them.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "profiler/trace/trace.h"

namespace lathe {

/// Times beyond this (73 years) are clamped, so that sums of them do not overflow.
inline constexpr int64_t max_trace_time = int64_t{1} << 61;

/// Texts are made valid UTF-8 and stored once; argument sets too. Not thread-safe.
class TraceBuilder {
 public:
  TraceInfo info;

  StringId string(std::string_view text) { return trace_.strings_.intern(text); }
  std::string_view text(StringId id) const { return trace_.strings_.text(id); }
  ArgsId args(std::span<const Arg> args) { return trace_.arguments_.intern(args); }

  ProcessId add_process(TraceProcess process);
  LaneId add_lane(TraceLane lane);
  TraceProcess& edit(ProcessId id) { return trace_.processes_[id.index]; }
  TraceLane& edit(LaneId id) { return trace_.lanes_[id.index]; }
  size_t process_count() const { return trace_.processes_.size(); }
  size_t lane_count() const { return trace_.lanes_.size(); }

  void reserve_slices(size_t count) { slices_.reserve(count); }
  /// A negative duration counts as 0.
  void add_slice(LaneId lane, int64_t start, int64_t duration, StringId name, StringId category, ArgsId args);
  size_t slice_count() const { return slices_.size(); }
  void add_counter(ProcessId process, StringId name, StringId series, int64_t time, double value);
  /// `point.slice` is found by build(): the deepest slice open on the lane at that time.
  void add_flow(FlowPoint point);
  void add_instant(Instant instant);

  /// Slices that exceed the one they began in by no more than this are cut to fit: for writers that round
  /// times.
  void set_overlap_tolerance(int64_t nanoseconds) { tolerance_ = nanoseconds; }

  /// Sorts, nests and indexes. Slices of a lane that overlap without nesting go to extra lanes. The builder
  /// is spent.
  Result<Trace> build(const JobContext& job = JobContext());

 private:
  struct RawSlice {
    int64_t start, duration;
    StringId name, category;
    ArgsId args;
    LaneId lane;
  };
  /// Where nesting put each slice, by position in the order of (lane, start, longest first).
  struct Placement {
    std::vector<uint32_t> order;   ///< raw index
    std::vector<uint32_t> parent;  ///< position in order, or SliceId::none
    std::vector<LaneId> lane;
    std::vector<uint16_t> depth;
  };
  class Nester;

  std::vector<uint32_t> sorted_slices() const;
  void place(Placement& placement, const JobContext& job);
  void fill_columns(const Placement& placement);
  void name_lanes();
  void sort_counters();
  void bind_flows();

  Trace trace_;
  std::vector<RawSlice> slices_;
  std::map<std::tuple<ProcessId, StringId, StringId>, size_t> tracks_;
  int64_t tolerance_ = 0;
};

}  // namespace lathe
