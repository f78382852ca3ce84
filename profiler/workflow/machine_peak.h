// SPDX-License-Identifier: Apache-2.0
// What this machine can do, measured with the kernels that engines use.
#pragma once

#include "engine/base/job.h"
#include "profiler/stats/roofline.h"

namespace lathe {

/// With the threads of use_threads(). Takes about half a second, once for each number of threads. Executor
/// thread. Error: interruption. What the build has no kernel for has no figure.
Result<MachinePeak> measure_machine_peak(const JobContext& job);

}  // namespace lathe
