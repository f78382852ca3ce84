// SPDX-License-Identifier: Apache-2.0
// Tables of a trace: where the time went, by operator type, class, module, node and kernel.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiler/trace/trace.h"

namespace lathe {

/// One row. Times in nanoseconds, summed over all recorded runs.
struct StatisticsEntry {
  std::string name;        ///< operator type, class, dotted module path, node, kernel or slice name
  std::string class_name;  ///< of a module; operator type of a node
  int64_t calls = 0;       ///< slices
  int64_t self_ns =
      0;  ///< without nested operators; of modules and classes: of the operators they own themselves
  int64_t total_ns = 0;     ///< of modules and classes: of their own slices, what is called inside included
  int64_t op_total_ns = 0;  ///< of modules: operators of theirs and of modules under them; else = self_ns
  int64_t op_calls = 0;     ///< of modules: slices of operators they own themselves; else = calls
  int64_t flops = 0;        ///< of the operators counted in self_ns
  int64_t bytes = 0;
  double percent = 0;  ///< self_ns of the time of all operators

  double flops_per_second() const {
    return self_ns > 0 ? static_cast<double>(flops) / (static_cast<double>(self_ns) * 1e-9) : 0;
  }
  double bytes_per_second() const {
    return self_ns > 0 ? static_cast<double>(bytes) / (static_cast<double>(self_ns) * 1e-9) : 0;
  }
};

/// Tables sorted by self time, longest first (modules: in order of path). Divide by `runs` for one run.
struct Statistics {
  int runs = 1;
  int64_t op_ns = 0;  ///< of all operators, without nesting
  std::vector<StatisticsEntry> operators;
  std::vector<StatisticsEntry> classes;
  std::vector<StatisticsEntry> modules;
  std::vector<StatisticsEntry> nodes;
  std::vector<StatisticsEntry> kernels;

  const StatisticsEntry* module(std::string_view path) const;  ///< null where it has no slice
};

struct TraceRange {
  int64_t begin = 0, end = 0;
};

Statistics statistics(const Trace& trace);

/// Slices of any kind within a range of time by name (times cut to the range), of some lanes or all: the
/// statistics of a selection in a timeline.
std::vector<StatisticsEntry> range_statistics(const Trace& trace, TraceRange range,
                                              const std::vector<LaneId>& lanes = {});

}  // namespace lathe
