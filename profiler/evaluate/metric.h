// SPDX-License-Identifier: Apache-2.0
// What judges a model's outputs, sample by sample. A new metric is one file and one line in CMakeLists.txt.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"
#include "engine/data/sample_source.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// One sample as a metric sees it.
struct MetricSample {
  size_t index = 0;  ///< in the source
  const NamedValues& outputs;
  const NamedValues* reference;   ///< outputs of the reference run; null where there is none
  const SampleSource& samples;    ///< for labels
  const ImageGeometry* geometry;  ///< how its image was prepared; null where it was not
};

class Metric {
 public:
  virtual ~Metric() = default;
  /// Errors: an output or a label that is missing or of another shape than the metric needs, named.
  virtual Status update(const MetricSample& sample) = 0;
  /// Values by name, e.g. {"AP": 0.95, "AP50": 1}. After at least one update.
  virtual Result<std::map<std::string, double>> result(const JobContext& job) = 0;
};

struct MetricInfo {
  std::string name;         ///< as asked for: "top1"
  std::string description;  ///< one line
  std::string main_value;   ///< the one of its values that judges
  bool needs_reference = false;
  /// Errors: labels it needs are missing; the specification does not say enough.
  Result<std::unique_ptr<Metric>> (*make)(const MetricSpec& spec, const SampleSource& samples) = nullptr;
};

class MetricRegistry {
 public:
  void add(MetricInfo info) { metrics_.push_back(std::move(info)); }
  const std::vector<MetricInfo>& all() const { return metrics_; }
  /// Null where there is none of this name.
  const MetricInfo* find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::vector<MetricInfo> metrics_;
};
/// All metrics of this build.
MetricRegistry make_metric_registry();

/// The output of this name, or the only one where `name` is empty; it must be a tensor with numbers. `key` is
/// the specification's key, for errors.
Result<const Tensor*> find_output(const NamedValues& outputs, const std::string& name, const char* key);

}  // namespace lathe
