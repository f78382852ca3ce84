// SPDX-License-Identifier: Apache-2.0
// Draws the rows of the timeline. What is drawn grows with the pixels, not with the slices: each row is cut
// to the window by binary search, and slices narrower than a pixel are merged.
#pragma once

#include <QFontMetrics>
#include <QHash>
#include <QImage>
#include <QRect>
#include <QStaticText>
#include <optional>
#include <vector>

#include "gui/timeline/slice_colors.h"
#include "gui/timeline/slice_matches.h"
#include "gui/timeline/timeline_rows.h"
#include "profiler/layout/timeline.h"
#include "profiler/stats/statistics.h"

class QPainter;

namespace lathe {

/// Where things stand in the widget.
struct TimelineAreas {
  static constexpr int labelWidth = 176, rulerHeight = 28;
  QRect ruler, labels, tracks;  ///< the ruler is as wide as the tracks
  static TimelineAreas of(const QSize& size, int scrollBarWidth);
};

struct SliceRef {
  int trace = -1;
  SliceId slice;
  friend bool operator==(const SliceRef&, const SliceRef&) = default;
};

/// Everything a frame shows.
struct TimelineScene {
  TimeMap map;                        ///< of times counted from the beginning of each trace
  int scroll = 0;                     ///< y of `TimelineRows` at the top of the tracks
  std::vector<SliceMatches> matches;  ///< by trace; may be shorter than the traces
  bool dimOthers = false;             ///< slices that are not among `matches` stand back
  SliceRef selected, hovered;
  int rangeTrace = -1;
  std::optional<TraceRange> range;  ///< in the time of `rangeTrace`
};

/// The map for the times that a trace has itself.
TimeMap mapOf(const Trace& trace, const TimeMap& map);

class TimelinePainter {
 public:
  /// Forgets colours: other traces, colouring or theme.
  void reset(const std::vector<TraceEntry>& traces, const Coloring& coloring);
  /// Draws what of `dirty` lies in the areas.
  void paint(QPainter& painter, const TimelineScene& scene, const TimelineRows& rows,
             const std::vector<TraceEntry>& traces, const TimelineAreas& areas, const QRect& dirty);
  QRgb colorOf(int trace, SliceId slice) { return m_colors[static_cast<size_t>(trace)].of(slice); }

 private:
  struct Frame;
  void paintRow(const Frame& frame, const TimelineRow& row, int top);
  void paintLane(const Frame& frame, const TimelineRow& row, int top);
  void paintDepth(const Frame& frame, const TimelineRow& row, uint32_t depth, int top);
  void paintCounter(const Frame& frame, const TimelineRow& row, int top);
  void paintLabel(const Frame& frame, const TimelineRow& row, int top);
  void paintRange(const Frame& frame);
  void paintOutline(const Frame& frame, const SliceRef& slice, const QColor& color, int width);
  void paintName(const Frame& frame, int trace, StringId name, const QRectF& box, QRgb fill, bool quiet);

  struct Label {
    QStaticText text;
    double width = 0;
  };
  QImage m_columns;                             ///< of one row, kept between rows
  std::vector<SliceColors> m_colors;            ///< by trace
  std::vector<QHash<quint32, Label>> m_labels;  ///< by trace and StringId
};

}  // namespace lathe
