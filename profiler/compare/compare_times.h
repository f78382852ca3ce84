// SPDX-License-Identifier: Apache-2.0
// Two tables of times side by side.
#pragma once

#include <string>
#include <vector>

#include "profiler/stats/statistics.h"

namespace lathe {

/// One row of both tables. Times in nanoseconds per run; 0 with `in_a` or `in_b` false where it is not there.
struct TimeDelta {
  std::string name, class_name;
  bool in_a = false, in_b = false;
  double calls_a = 0, calls_b = 0;  ///< per run
  double self_a = 0, self_b = 0;    ///< operators it owns itself
  double total_a = 0, total_b = 0;  ///< what is called inside included

  double self_change() const { return self_b - self_a; }
};

struct TimeComparison {
  int runs_a = 1, runs_b = 1;
  double op_ns_a = 0, op_ns_b = 0;  ///< all operators, per run
  std::vector<TimeDelta> classes;   ///< largest change of self time first
  std::vector<TimeDelta> modules;
  std::vector<TimeDelta> operators;

  /// The same rows with the same number of calls: times never are the same twice.
  bool same_structure() const;
};

TimeComparison compare_times(const Statistics& a, const Statistics& b);

}  // namespace lathe
