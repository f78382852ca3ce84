// SPDX-License-Identifier: Apache-2.0
// Taking remedies: those that the configuration names, and those that failures offer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/convert/settings.h"
#include "engine/graph/graph.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// One remedy that was taken.
struct AppliedRemedy {
  RemedyStep step;
  std::string text;            ///< one line: what was done
  std::optional<double> loss;  ///< largest difference of an output by its largest element, as measured; none
                               ///< where nothing was compared
};

struct MendOptions {
  bool search = false;  ///< take what the failures offer too
  std::vector<NamedValues>
      samples;        ///< inputs to compare with; their shapes are what open inputs are pinned to
  uint64_t seed = 0;  ///< of random inputs where there are no samples
};

struct Mended {
  std::shared_ptr<const Model> model;  ///< the one given where no remedy changed it
  Configuration configuration;         ///< with every step that was taken, settings filled in
  std::vector<AppliedRemedy> applied;
  Findings notes;  ///< remedies that were offered and not kept, and why
};

/// What one remedy more would bring.
struct Forecast {
  RemedyStep step;
  int converted = 0;                 ///< modules
  std::optional<double> latency_ns;  ///< of the model converted with it, where that was measured
};

/// Remedies of the configuration in order, then, if asked, the first one that can be taken for each failure,
/// again and again until none helps. A rewrite whose outputs differ from the original's is taken back.
/// Errors: a step of the configuration that cannot be taken (naming the nearest subject), interruption.
/// Executor thread where anything is compared.
Result<Mended> mend(std::shared_ptr<const Model> model, const Configuration& configuration,
                    const MendOptions& options, const JobContext& job);

/// The model with one remedy more: how much of it would convert. Nothing is compiled or compared. Errors: the
/// remedy cannot be taken by Lathe.
Result<Forecast> forecast(std::shared_ptr<const Model> model, const Configuration& configuration,
                          const Remedy& remedy, const std::vector<NamedValues>& samples,
                          const JobContext& job);

}  // namespace lathe
