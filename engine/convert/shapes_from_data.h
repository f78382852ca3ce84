// SPDX-License-Identifier: Apache-2.0
// Learns from samples which sizes of the inputs vary, and over what range.
#pragma once

#include "engine/base/job.h"
#include "engine/convert/settings.h"
#include "engine/data/sample_source.h"
#include "engine/graph/graph.h"

namespace lathe {

/// For every input with open sizes of which `configuration` says nothing: a pinned shape where all samples
/// agree, else a profile: sizes that never vary are pinned, the others go from the smallest to the largest
/// and are compiled ahead for the most frequent (of equally frequent ones: the smallest). What was learnt is
/// noted in the configuration. Looks at every sample. Errors: no samples; samples of different ranks, or that
/// cannot be read; interruption.
Status shapes_from_data(const Model& model, const SampleSource& samples, Configuration& configuration,
                        const JobContext& job);

}  // namespace lathe
