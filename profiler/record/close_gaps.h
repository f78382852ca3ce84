// SPDX-License-Identifier: Apache-2.0
// Recorded runs that had other work between them, shown one after another.
#pragma once

#include "profiler/record/recorder.h"

namespace lathe {

/// Moves every run, with its events and memory samples, to right after the one before it; what lies between
/// runs is dropped. Times within a run and the first run stay as they are.
void close_gaps(Recording& recording);

}  // namespace lathe
