// SPDX-License-Identifier: Apache-2.0
// How well a model does on labelled samples, or against a reference run.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "engine/data/sample_source.h"
#include "engine/runtime/runnable.h"

namespace lathe {

struct Accuracy {
  std::map<std::string, double> values;  ///< "AP", "AP50", "top1", "top5", "snr_db", or "command"
  std::string metric;                    ///< as asked for
  std::string main_value;                ///< the key of `values` that judges
  size_t samples = 0;

  /// The judging value; higher is better.
  double score() const { return values.at(main_value); }
};

/// The metric to use: `asked` ("top1", "top5", "coco-ap", "snr", "command:PROGRAM ARGUMENTS"), else the
/// manifest's, else top1 where there are labels and coco-ap where there are annotations. What a manifest says
/// about reading outputs holds for an asked one of the same kind too. Errors: unknown (naming the nearest),
/// or nothing to choose.
Result<MetricSpec> choose_metric(const std::string& asked, const SampleSource& samples);

/// Runs the first `limit` samples (0: all) and judges the outputs. `reference` runs the same samples for
/// metrics that compare (snr), and only for those. On the executor thread. Errors name the sample.
Result<Accuracy> evaluate(Runnable& runnable, const SampleSource& samples, const MetricSpec& metric,
                          size_t limit, const JobContext& job, Runnable* reference = nullptr);

/// Names and one-line descriptions of the metrics of this build.
std::vector<std::pair<std::string, std::string>> list_metrics();

/// What open_dataset needs to know of a model.
std::vector<InputSpec> input_specs(const Model& model);

}  // namespace lathe
