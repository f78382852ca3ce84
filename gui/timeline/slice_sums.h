// SPDX-License-Identifier: Apache-2.0
// Sums over a part of a recording: operators by type, modules by class, everything else by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gui/timeline/slice_matches.h"
#include "profiler/stats/statistics.h"

namespace lathe {

struct SliceSum {
  std::string category;  ///< of the slices: "op", "module", "kernel", ..
  std::string name;      ///< operator type, class, or name of the slices
  int64_t calls = 0;
  int64_t self_ns = 0;  ///< without slices inside that are summed too
  double share = 0;     ///< 0..1 of the self time of the same category
  SliceId longest;
};

/// What computes first, then what encloses, then the rest; within that, longest first.
using SliceSums = std::vector<SliceSum>;

/// Of everything within the range; times are cut to it.
SliceSums sumsOfRange(const Trace& trace, TraceRange range);
SliceSums sumsOfSlices(const Trace& trace, const SliceMatches& slices);
/// Slices that touch the range: what summing them costs.
size_t slicesInRange(const Trace& trace, TraceRange range);

}  // namespace lathe
