// SPDX-License-Identifier: Apache-2.0
// snr: how far the outputs are from those of a reference run, as a signal-to-noise ratio in decibels.
#include <algorithm>

#include "engine/tensor/compare.h"
#include "profiler/evaluate/metric.h"

namespace lathe {
namespace {

/// Signal and noise are summed over the samples for each output; the worst output counts.
class SignalToNoise : public Metric {
 public:
  Status update(const MetricSample& sample) override {
    for (const auto& [name, expected] : *sample.reference) {
      if (!expected.is_tensor()) continue;
      const auto given = sample.outputs.find(name);
      if (given == sample.outputs.end() || !given->second.is_tensor())
        return bad_input("", "output '" + name + "' of the reference run is missing");
      DifferenceSums& sums = sums_[name];
      if (given->second.tensor.shape() != expected.tensor.shape()) {
        ++sums.nonfinite_mismatches;  // e.g. another number of detections: nothing lines up
        continue;
      }
      auto difference = compare_tensors(expected.tensor, given->second.tensor);
      if (!difference.ok()) {
        difference.error().what = "output '" + name + "': " + difference.error().what;
        return std::move(difference).error();
      }
      sums += difference->sums;
    }
    return {};
  }

  Result<std::map<std::string, double>> result(const JobContext&) override {
    double worst = snr_cap_db;
    for (const auto& [name, sums] : sums_) worst = std::min(worst, sums.snr_db());
    return std::map<std::string, double>{{"snr_db", worst}};
  }

 private:
  std::map<std::string, DifferenceSums> sums_;
};

Result<std::unique_ptr<Metric>> make_snr(const MetricSpec&, const SampleSource&) {
  return std::unique_ptr<Metric>(std::make_unique<SignalToNoise>());
}

}  // namespace

void register_snr(MetricRegistry& registry) {
  registry.add({"snr",
                "decibels of the outputs over their distance from the fp32 run's; the worst output counts",
                "snr_db", true, make_snr});
}

}  // namespace lathe
