// SPDX-License-Identifier: Apache-2.0
// What int8 is calibrated with, what its search judges on, and what judges the result that the search has not
// seen.
#pragma once

#include <memory>

#include "engine/data/subset.h"
#include "engine/precision/int8_search.h"
#include "profiler/evaluate/evaluate.h"

namespace lathe {

/// The data of a conversion; all of it outlives Int8Data.
struct Int8DataRequest {
  const Model* model = nullptr;
  std::filesystem::path calibration;      ///< data set of its own; empty: none
  std::filesystem::path cache;            ///< for what calibration finds; empty: none
  const SampleSource* samples = nullptr;  ///< that accuracy is reported on; null: none
  MetricSpec metric;                      ///< for `samples`
  std::string asked_metric;               ///< by name; empty: what a data set asks for
  size_t limit = 0;                       ///< of `samples`; 0: all
  double flops = 0;                       ///< of one run
};

class Int8Data {
 public:
  /// Errors as of open_dataset and calibration_data.
  Status open(const Int8DataRequest& request);
  /// Without any data set: `inputs` that were made up.
  void open_random(std::vector<NamedValues> inputs, const std::filesystem::path& cache);

  const CalibrationData& calibration() const { return calibration_; }
  /// For the search; empty where there is nothing to judge with. Holds on to this object and `job`.
  Score score(const JobContext& job) const;
  /// Tells apart what the search judges on: the metric and a hash of its samples. Empty where nothing judges.
  std::string judge() const;
  /// Of the accuracy budget: what the search may use up. Less than all where the result is judged on other
  /// samples.
  double budget_share() const { return unseen_ ? 0.5 : 1.0; }
  /// What the search judged on, and how both models do on what it has not seen. Nothing where none was made.
  Status tell(PrecisionReport& report, Runnable& wide, Runnable& int8, const JobContext& job,
              Findings& notes) const;

 private:
  Status choose_judge(const Int8DataRequest& request);
  void split(const Int8DataRequest& request);

  CalibrationData calibration_;
  std::unique_ptr<SampleSource> own_;  ///< the data set for calibration
  std::unique_ptr<Subset> part_, rest_;
  const SampleSource* judged_ = nullptr;
  const SampleSource* unseen_ = nullptr;
  MetricSpec metric_, unseen_metric_;
  size_t most_judged_ = 0, most_unseen_ = 0;
};

}  // namespace lathe
