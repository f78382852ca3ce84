// SPDX-License-Identifier: Apache-2.0
// The frames of a flame graph: slices summed up by what encloses them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "profiler/stats/statistics.h"

namespace lathe {

/// Parents come before children; children of one parent stand beside each other, widest first.
struct FlameBox {
  std::string name;
  std::string module;  ///< path, of frames of modules
  bool is_module = false;
  uint32_t depth = 0;
  int parent = -1;
  int64_t total_ns = 0, self_ns = 0;
  int64_t count = 0;        ///< slices
  SliceId example;          ///< the longest; invalid for frames that only group
  double x = 0, width = 0;  ///< 0..1 of the whole
};

struct FlameFrames {
  std::vector<FlameBox> boxes;
  uint32_t depth = 0;
  int64_t total_ns = 0;
};

/// Of a recording of Lathe's: operators below the modules that own them, so that the parts add up to the time
/// of all operators. Of others: the slices of each lane as they nest, below a frame of their lane.
Result<FlameFrames> flameFrames(const Trace& trace, TraceRange range, const JobContext& job = JobContext());

}  // namespace lathe
