// SPDX-License-Identifier: Apache-2.0
// The runs of a recording that show what a run usually is like.
#pragma once

#include "profiler/record/recorder.h"

namespace lathe {

/// Keeps the `count` runs whose durations are nearest to `typical_ns`, in order of time and numbered anew:
/// whatever else the machine did slowed others down. Events of the other runs are left to close_gaps().
void keep_typical_runs(Recording& recording, size_t count, double typical_ns);

}  // namespace lathe
