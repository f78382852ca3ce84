// SPDX-License-Identifier: Apache-2.0
// The vertical structure of the timeline: bands of recordings, their processes, lanes and counters, each with
// its place.
#pragma once

#include <QString>
#include <set>
#include <utility>
#include <vector>

#include "gui/document/document.h"

namespace lathe {

struct TimelineRow {
  enum class Kind { Band, Process, Lane, Counter };
  Kind kind = Kind::Band;
  int trace = 0;        ///< index into Document::traces()
  LaneId lane;          ///< of a Lane
  size_t counter = 0;   ///< of a Counter, index into Trace::counters()
  double low = 0;       ///< of a Counter's whole recording; never above 0
  double high = 0;      ///< the same; never below 0
  uint32_t depths = 0;  ///< rows of slices shown, of a Lane
  bool collapsed = false;
  int y = 0, height = 0;  ///< from the top of all rows, pixels
  QString label;
  QString note;  ///< beside or below the label
};

class TimelineRows {
 public:
  static constexpr int sliceHeight = 18, lanePadding = 3;

  /// Of all traces, or of `only` one of them.
  void rebuild(const std::vector<TraceEntry>& traces, int only = -1);
  /// Opens or closes a lane or a band.
  void toggle(const TimelineRow& row, const std::vector<TraceEntry>& traces);
  /// Makes a lane visible in full.
  void expand(int trace, LaneId lane, const std::vector<TraceEntry>& traces);
  /// Forgets what is closed: other traces.
  void reset() { m_collapsed.clear(); }
  int only() const { return m_only; }

  const std::vector<TimelineRow>& rows() const { return m_rows; }
  int height() const { return m_height; }
  /// Null where there is none (below the last).
  const TimelineRow* at(int y) const;
  const TimelineRow* lane(int trace, LaneId lane) const;  ///< null when its band is closed
  const TimelineRow* band(int trace) const;
  /// Top of the slices of a depth, from the top of all rows.
  static int sliceTop(const TimelineRow& lane, uint32_t depth) {
    return lane.y + lanePadding + static_cast<int>(depth) * sliceHeight;
  }

 private:
  using Key = std::pair<int, uint32_t>;  // trace and lane, or LaneId::none: the band
  void addTrace(int index, const TraceEntry& entry);
  void addLane(int index, const Trace& trace, LaneId lane);
  void addCounters(int index, const Trace& trace, ProcessId process);
  void add(TimelineRow row, int height);

  std::vector<TimelineRow> m_rows;
  std::set<Key> m_collapsed;
  int m_only = -1;
  int m_height = 0;
};

}  // namespace lathe
