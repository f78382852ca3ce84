// SPDX-License-Identifier: Apache-2.0
// Measuring one runnable: latency, recording, statistics, balance. Executor thread only.
#pragma once

#include <string>

#include "profiler/record/to_trace.h"
#include "profiler/workflow/session.h"

namespace lathe {

struct MeasureSettings {
  int warmup = 2;
  int runs = 0;               ///< timed, recording off; 0: 20, fewer where that would take long
  int recorded_runs = 3;      ///< with recording on
  std::string configuration;  ///< for the trace's metadata
};

Result<Measured> measure(Session& session, const Model& model, const MeasureSettings& settings,
                         const JobContext& job);
RecordingInfo recording_info(const Model& model, std::string configuration);

}  // namespace lathe
