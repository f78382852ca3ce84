// SPDX-License-Identifier: Apache-2.0
// Slices of a selection summed up by their chain of names.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "profiler/trace/trace.h"

namespace lathe {

/// One frame; parents come before children.
struct FlameFrame {
  StringId name;
  StringId category;
  uint32_t depth = 0;
  int parent = -1;       ///< index, or -1
  int64_t total_ns = 0;  ///< within the selected time
  int64_t self_ns = 0;
  uint32_t count = 0;       ///< slices
  SliceId example;          ///< the longest of them
  double x = 0, width = 0;  ///< 0..1 of the whole; frames of one parent beside each other, widest first
};

struct Flame {
  std::vector<FlameFrame> frames;
  uint32_t depth = 0;
  int64_t total_ns = 0;
};

/// Of all lanes when `lanes` is empty; times are cut to [begin, end].
Result<Flame> flame(const Trace& trace, const std::vector<LaneId>& lanes, int64_t begin, int64_t end,
                    const JobContext& job = JobContext());

}  // namespace lathe
