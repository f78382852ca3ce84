// SPDX-License-Identifier: Apache-2.0
// Where the latency goes, so that the parts and an explicit remainder add up to it.
#pragma once

#include <string>
#include <vector>

#include "profiler/stats/distribution.h"
#include "profiler/trace/trace.h"

namespace lathe {

/// Nanoseconds per run. Each named part is the sum of its own slices over the recorded runs of middling
/// duration (the slowest and the fastest quarter are left out, as a median would), divided by their number;
/// only the remainder is computed as one. It is below zero when recording slowed the runs down by more than
/// what has no slice.
struct TimeBalance {
  struct Part {
    std::string name;  ///< as shown: "engine steps"
    double ns = 0;
    size_t slices = 0;  ///< over those runs
  };
  double latency_ns = 0;  ///< timed with recording off
  int runs = 0;           ///< recorded and counted
  std::vector<Part> parts;

  double explained_ns() const;
  double unexplained_ns() const { return latency_ns - explained_ns(); }
  const Part* find(const std::string& name) const;
};

/// Names of the parts, in this order; a part without slices is 0.
namespace balance_part {
inline constexpr const char* engine_steps = "engine steps";  ///< kernels and reorders inside engines
inline constexpr const char* eager_operators = "eager operators";
inline constexpr const char* boundary_copies = "boundary copies";  ///< into and out of engines
inline constexpr const char* runtime = "runtime";  ///< what the runtime names, less what lies inside it
}  // namespace balance_part

/// Of a trace of Lathe's. Foreign traces give operators as "eager operators".
TimeBalance time_balance(const Trace& trace, double latency_ns);

}  // namespace lathe
