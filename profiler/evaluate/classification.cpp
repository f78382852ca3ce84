// SPDX-License-Identifier: Apache-2.0
// top1 and top5: how often the right class is among the best one or five.
#include <algorithm>
#include <cmath>

#include "profiler/evaluate/metric.h"

namespace lathe {
namespace {

class TopK : public Metric {
 public:
  TopK(MetricSpec spec, size_t k) : spec_(std::move(spec)), k_(k) {}

  Status update(const MetricSample& sample) override {
    LATHE_ASSIGN(const Tensor* output, find_output(sample.outputs, spec_.output, "output"));
    const std::vector<double> scores = output->to_double();
    const Tensor label = sample.samples.label(sample.index);
    const int64_t expected = class_of(label);
    if (expected < 0 || expected >= static_cast<int64_t>(scores.size()))
      return bad_input("", "label " + std::to_string(expected) + " is not one of the " +
                               std::to_string(scores.size()) + " classes that the output has");
    const size_t rank = rank_of(scores, static_cast<size_t>(expected));
    ++samples_;
    hits1_ += rank < 1;
    hits_ += rank < k_;
    return {};
  }

  Result<std::map<std::string, double>> result(const JobContext&) override {
    const auto share = [&](size_t hits) { return static_cast<double>(hits) / static_cast<double>(samples_); };
    std::map<std::string, double> values = {{"top1", share(hits1_)}};
    if (k_ > 1) values.emplace("top" + std::to_string(k_), share(hits_));
    return values;
  }

 private:
  /// A class number, or scores per class of which the largest counts. -1 where there is none.
  static int64_t class_of(const Tensor& label) {
    const std::vector<double> values = label.to_double();
    if (values.empty()) return -1;
    if (values.size() == 1)
      return std::isfinite(values[0]) && std::abs(values[0]) < 1e15 ? std::llround(values[0]) : -1;
    return std::max_element(values.begin(), values.end()) - values.begin();
  }
  /// How many classes come before the expected one; among equals the lower number comes first. NaN never
  /// wins.
  static size_t rank_of(const std::vector<double>& scores, size_t expected) {
    const double score = scores[expected];
    if (std::isnan(score)) return scores.size();
    size_t before = 0;
    for (size_t i = 0; i < scores.size(); ++i)
      before += scores[i] > score || (scores[i] == score && i < expected);
    return before;
  }

  MetricSpec spec_;
  size_t k_;
  size_t samples_ = 0, hits1_ = 0, hits_ = 0;
};

template <size_t k>
Result<std::unique_ptr<Metric>> make_top_k(const MetricSpec& spec, const SampleSource& samples) {
  if (!samples.has_labels())
    return bad_input(samples.name(), "the metric " + spec.name + " needs labels, and there are none");
  return std::unique_ptr<Metric>(std::make_unique<TopK>(spec, k));
}

}  // namespace

void register_classification(MetricRegistry& registry) {
  registry.add({"top1", "share of samples whose best class is the label", "top1", false, make_top_k<1>});
  registry.add(
      {"top5", "share of samples whose five best classes hold the label", "top5", false, make_top_k<5>});
}

}  // namespace lathe
