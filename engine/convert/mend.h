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
#include "engine/precision/int8_search.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// One remedy that was taken.
struct AppliedRemedy {
  RemedyStep step;
  std::string text;            ///< one line: what was done
  std::optional<double> loss;  ///< largest difference of an output by its largest element, as measured; none
                               ///< where nothing was compared
  /// Of an approximation: SNR of the worst output, and what is lost of the metric where there is one.
  std::optional<double> snr_db = std::nullopt, metric_loss = std::nullopt;
};

struct MendOptions {
  bool search = false;  ///< take what the failures offer too
  std::vector<NamedValues>
      samples;        ///< inputs to compare with; their shapes are what open inputs are pinned to
  uint64_t seed = 0;  ///< of random inputs where there are no samples
  Score score;        ///< judges approximations by the data's metric; empty: SNR does
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
  int converted = 0;                      ///< modules
  std::optional<double> latency_ns;       ///< of the model converted with it, where that was measured
  std::vector<std::string> modules = {};  ///< paths of those that would convert
};

/// Remedies of the configuration in order, then, if asked, the first one that can be taken for each failure,
/// again and again until none helps. A rewrite whose outputs differ from the original's is taken back, an
/// approximation that loses more than its tolerance is refused. Errors: a step of the configuration that
/// cannot be taken (naming the nearest subject), interruption. Executor thread where anything is compared.
Result<Mended> mend(std::shared_ptr<const Model> model, const Configuration& configuration,
                    const MendOptions& options, const JobContext& job);

/// The model with one remedy more, automatic or not: how much of it would convert. Nothing is compiled or
/// compared. What a person would do (a profile, a library with the operator) is assumed to be done. Errors:
/// the remedy cannot be taken.
Result<Forecast> forecast(std::shared_ptr<const Model> model, const Configuration& configuration,
                          const Remedy& remedy, const std::vector<NamedValues>& samples,
                          const JobContext& job);

}  // namespace lathe
