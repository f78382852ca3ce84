// SPDX-License-Identifier: Apache-2.0
// What an approximation costs, measured before it is kept.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/convert/mend.h"

namespace lathe {

struct ApproximationLoss {
  double snr_db = 0;                    ///< of the worst output, over all inputs that both models ran on
  size_t samples = 0;                   ///< how many those were
  bool seeded = false;                  ///< they were random: there is no data
  std::optional<double> before, after;  ///< the data's metric, where there is one

  /// What is lost of the metric, else noise by signal: what a tolerance is compared with.
  double lost() const;
  /// "an SNR of 41.2 dB on 4 samples of the data".
  std::string text() const;
};

/// Runs both models eagerly: on the samples, else on seeded random inputs; the metric on all its data.
/// Errors: one of them does not run, so that nothing can be measured; interruption. Executor thread.
Result<ApproximationLoss> approximation_loss(const std::shared_ptr<const Model>& exact,
                                             const std::shared_ptr<const Model>& approximate,
                                             const MendOptions& options, const JobContext& job);

}  // namespace lathe
