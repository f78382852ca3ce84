// SPDX-License-Identifier: Apache-2.0
// Ranked next steps after a conversion: what to do about each cause of failure, and what it may bring.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "profiler/report/report_data.h"

namespace lathe {

/// Another answer to the same failures.
struct AlternativeAdvice {
  Remedy remedy;
  std::optional<int> converted;   ///< modules that would convert with it
  std::optional<double> speedup;  ///< of the converted model; none where it cannot be told
  bool measured = false;          ///< `speedup` was measured

  /// "Filter with ... : 92 of 92 modules convert with it, about 1.20x (estimated)".
  std::string text(int total) const;
};

/// One remedy and the modules it is the first answer for.
struct Advice {
  FailureCause cause = FailureCause::build_error;
  Remedy remedy;
  std::vector<std::string> modules;  ///< paths of failed modules it unblocks, parents first
  int total = 0;                     ///< counted modules of the model
  double share = 0;  ///< of the eager run's operator time, spent in nodes that these modules own: 0..1
  /// How many times as fast the converted model would be: the blocked time divided by `engine_gain`. None
  /// where no module converted to measure that on.
  std::optional<double> speedup;
  std::optional<int> converted;       ///< modules that would convert with it
  bool measured = false;              ///< `speedup` was measured on the model converted with it
  std::optional<double> engine_gain;  ///< measured: eager time by engine time of the modules that converted
  /// The other remedies of these failures, in the order they are offered; keeping eager is none.
  std::vector<AlternativeAdvice> others;

  /// "Pin the shape of 'img' ...: 92 of 92 modules, 100 % of the eager run, about 1.6x (estimated)".
  std::string text() const;
};

/// Most time first. Modules that the configuration excludes are nobody's failure.
std::vector<Advice> advise(const ReportData& data);

}  // namespace lathe
