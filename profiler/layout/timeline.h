// SPDX-License-Identifier: Apache-2.0
// What of a trace is drawn in a window of time: O(pixels) rectangles a row, however many slices there are.
#pragma once

#include <cstdint>
#include <vector>

#include "profiler/trace/trace.h"

namespace lathe {

/// Time to pixels and back.
struct TimeMap {
  int64_t begin_ns = 0;     ///< time at x = 0
  double ns_per_pixel = 1;  ///< > 0

  double x(int64_t time) const { return static_cast<double>(time - begin_ns) / ns_per_pixel; }
  int64_t time(double x) const;
  /// The same window around `x`, `factor` times closer (> 1) or farther; the time at `x` stays there.
  TimeMap zoomed(double x, double factor) const;
  TimeMap panned(double pixels) const { return {time(pixels), ns_per_pixel}; }
  /// Shows [begin, end] in `width` pixels.
  static TimeMap fit(int64_t begin, int64_t end, double width);
};

/// One rectangle of a row. Slices narrower than a pixel that stand together are merged.
struct SliceRect {
  double x = 0, width = 0;  ///< within [0, window width]
  SliceId slice;            ///< the (first) slice
  uint32_t count = 1;       ///< slices merged; 1: just the one
};

/// Rectangles of one depth of a lane in the window, from left to right, not overlapping.
std::vector<SliceRect> visible_slices(const Trace& trace, LaneId lane, uint32_t depth, const TimeMap& map,
                                      double width, double min_width = 1);

/// The slice drawn at x, also within a merged rectangle (there the nearest one); invalid when there is none.
SliceId pick_slice(const Trace& trace, LaneId lane, uint32_t depth, const TimeMap& map, double x,
                   double tolerance = 2);

/// Values of a counter in one column of pixels: what it had and reached there.
struct CounterColumn {
  double x = 0, width = 0;
  double low = 0, high = 0;
  double last = 0;
};
std::vector<CounterColumn> visible_counter(const CounterTrack& track, const TimeMap& map, double width);

}  // namespace lathe
