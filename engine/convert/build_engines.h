// SPDX-License-Identifier: Apache-2.0
// Engines for a partition, and which of two partitions runs faster.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/base/job.h"
#include "engine/runtime/converted.h"

namespace lathe {

/// Compiled for `shapes` ahead of the first run. Errors: a piece that cannot be built, or that needs more
/// memory to run than the machine has; `failed`, if given, gets its number.
Result<std::unique_ptr<ConvertedModel>> build_engines(const std::shared_ptr<const Model>& model,
                                                      const Partition& partition,
                                                      std::map<std::string, ShapeBounds> bounds,
                                                      const std::map<std::string, Shape>& shapes,
                                                      const JobContext& job, size_t* failed);

struct Comparison {
  bool merged_wins = true;  ///< also where it cannot be told: fewer engines copy less
  std::string text;         ///< what was measured; empty where nothing was
};
/// By a few runs in turn; `inputs` may be null.
Result<Comparison> compare_engines(ConvertedModel& merged, ConvertedModel& apart, const NamedValues* inputs,
                                   const JobContext& job);

}  // namespace lathe
