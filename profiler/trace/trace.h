// SPDX-License-Identifier: Apache-2.0
// What happened, in columns: lanes of nested slices, counters, flows and instants. Immutable once built.
//
// Slices are sorted by (lane, depth, start): one lane's slices of one depth (a row) are contiguous, do not
// overlap and can be searched by time in O(log n). Within a lane slices nest; what would overlap stands in an
// extra lane (spilled_from). All times are nanoseconds relative to info().base_time_ns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/ids.h"
#include "profiler/trace/arguments.h"
#include "profiler/trace/string_pool.h"

namespace lathe {

using ProcessId = Id<struct TraceProcessTag>;
using LaneId = Id<struct TraceLaneTag>;
using SliceId = Id<struct TraceSliceTag>;

struct TraceProcess {
  StringId name;
  StringId label;    ///< "CPU", "GPU 0"; empty where none
  int64_t pid = -1;  ///< -1: the file had a text
  StringId pid_text;
  int64_t sort_index = 0;  ///< of display, ascending
};

struct TraceLane {
  ProcessId process;
  StringId name;
  int64_t tid = -1;  ///< -1: the file had a text, or the lane was spilled
  StringId tid_text;
  int64_t sort_index = 0;
  LaneId spilled_from;  ///< the lane whose overlapping slices this one holds; invalid for real ones
  uint32_t first_slice = 0, end_slice = 0;
  uint32_t first_row = 0;
  uint32_t rows = 0;  ///< deepest nesting
};

/// A run of slices [first, end) by index.
struct SliceRange {
  uint32_t first = 0, end = 0;
  bool empty() const { return first == end; }
  uint32_t size() const { return end - first; }
};

struct CounterTrack {
  ProcessId process;
  StringId name;               ///< of the counter
  StringId series;             ///< key within it
  std::vector<int64_t> times;  ///< ascending
  std::vector<double> values;  ///< from times[i] on
};

enum class FlowKind : uint8_t { start, step, end };

/// A point of an arrow; points with the same (id, category, name) belong together.
struct FlowPoint {
  int64_t time = 0;
  uint64_t id = 0;
  StringId name, category;
  LaneId lane;
  SliceId slice;  ///< it is bound to; invalid when no slice is open there
  FlowKind kind = FlowKind::start;
};

struct Instant {
  int64_t time = 0;
  StringId name, category;
  LaneId lane;
  ArgsId args;
  char scope = 't';  ///< g, p or t
};

/// Texts here that are said to be JSON are valid, compact JSON.
struct TraceInfo {
  std::string format = "lathe";  ///< name in the list of formats
  int64_t base_time_ns = 0;      ///< Unix time of 0
  std::string trace_name;
  std::string display_time_unit = "ms";
  std::string device_properties = "[]";                         ///< JSON
  std::vector<std::pair<std::string, std::string>> metadata;    ///< key, JSON
  std::vector<std::pair<std::string, std::string>> properties;  ///< other top-level keys of the file, JSON
  std::vector<std::string> notes;                               ///< what had to be repaired or left out

  /// JSON text of a metadata key, or null.
  const std::string* find_metadata(std::string_view key) const;
};

class Trace {
 public:
  Trace() = default;
  const TraceInfo& info() const { return info_; }
  const std::vector<TraceProcess>& processes() const { return processes_; }
  const std::vector<TraceLane>& lanes() const { return lanes_; }
  const TraceProcess& process(ProcessId id) const { return processes_[id.index]; }
  const TraceLane& lane(LaneId id) const { return lanes_[id.index]; }
  /// Lanes as they should be shown: by process, then lane sort index, spilled ones below their lane.
  std::vector<LaneId> lanes_in_order() const;

  size_t slice_count() const { return starts_.size(); }
  int64_t start(SliceId id) const { return starts_[id.index]; }
  int64_t duration(SliceId id) const { return durations_[id.index]; }
  int64_t end(SliceId id) const { return starts_[id.index] + durations_[id.index]; }
  StringId name(SliceId id) const { return names_[id.index]; }
  StringId category(SliceId id) const { return categories_[id.index]; }
  LaneId lane_of(SliceId id) const { return slice_lanes_[id.index]; }
  uint32_t depth(SliceId id) const { return depths_[id.index]; }
  SliceId parent(SliceId id) const { return parents_[id.index]; }  ///< invalid at depth 0
  ArgsId args_id(SliceId id) const { return args_[id.index]; }
  std::span<const Arg> args(SliceId id) const { return arguments_[args_[id.index]]; }
  std::span<const Arg> args(ArgsId id) const { return arguments_[id]; }
  size_t args_count() const { return arguments_.size(); }
  const Arg* arg(SliceId id, std::string_view key) const;
  /// Text of a string or JSON argument, empty when absent.
  std::string_view arg_text(SliceId id, std::string_view key) const;
  /// Columns, for tight loops.
  std::span<const int64_t> starts() const { return starts_; }
  std::span<const int64_t> durations() const { return durations_; }

  std::string_view text(StringId id) const { return id.valid() ? strings_.text(id) : std::string_view(); }
  StringId find_text(std::string_view text) const { return strings_.find(text); }
  size_t text_count() const { return strings_.size(); }

  const std::vector<CounterTrack>& counters() const { return counters_; }
  const std::vector<FlowPoint>& flows() const { return flows_; }
  const std::vector<Instant>& instants() const { return instants_; }

  /// Slices of one depth of a lane; empty when the lane is not that deep.
  SliceRange row(LaneId lane, uint32_t depth) const;
  /// The part of a row that is at all within [begin, end].
  SliceRange row_between(LaneId lane, uint32_t depth, int64_t begin, int64_t end) const;
  /// The slice of the row that contains the time (ends included); invalid when none does.
  SliceId slice_at(LaneId lane, uint32_t depth, int64_t time) const;
  SliceId deepest_slice_at(LaneId lane, int64_t time) const;
  SliceRange children(SliceId id) const;
  /// The next (or previous) slice of the same lane with the same name, by start; invalid at the end.
  SliceId next_alike(SliceId id, bool forward) const;

  int64_t begin_time() const {
    return begin_time_;
  }  ///< of slices, counters and instants; 0 when there are none
  int64_t end_time() const { return end_time_; }
  /// Bytes held, and of these the bytes per slice that grow with the number of slices (arguments and texts
  /// not counted).
  size_t memory_bytes() const;
  static constexpr size_t bytes_per_slice() { return 8 + 8 + 4 * 5 + 2; }

 private:
  friend class TraceBuilder;
  void set_time_range();

  TraceInfo info_;
  std::vector<TraceProcess> processes_;
  std::vector<TraceLane> lanes_;
  std::vector<uint32_t> row_begins_;  ///< by row of all lanes; one more at the end
  std::vector<int64_t> starts_, durations_;
  std::vector<StringId> names_, categories_;
  std::vector<ArgsId> args_;
  std::vector<SliceId> parents_;
  std::vector<LaneId> slice_lanes_;
  std::vector<uint16_t> depths_;
  std::vector<CounterTrack> counters_;
  std::vector<FlowPoint> flows_;
  std::vector<Instant> instants_;
  StringPool strings_;
  ArgumentTable arguments_;
  int64_t begin_time_ = 0, end_time_ = 0;
};

}  // namespace lathe
