// SPDX-License-Identifier: Apache-2.0
// Some samples of a source, with their labels, as a source of its own.
#pragma once

#include <vector>

#include "engine/data/sample_source.h"

namespace lathe {

class Subset : public SampleSource {
 public:
  /// `all` must outlive it; every number is below all.count().
  Subset(const SampleSource& all, std::vector<size_t> samples);

  size_t count() const override { return samples_.size(); }
  Result<Sample> sample(size_t k) const override { return all_.sample(samples_[k]); }
  Tensor label(size_t k) const override { return all_.label(samples_[k]); }
  bool has_labels() const override { return all_.has_labels(); }
  const CocoLabels* coco() const override { return coco_ ? &*coco_ : nullptr; }
  const MetricSpec& metric() const override { return all_.metric(); }
  const std::string& name() const override { return all_.name(); }
  const Findings& notes() const override { return all_.notes(); }

 private:
  const SampleSource& all_;
  std::vector<size_t> samples_;
  std::optional<CocoLabels> coco_;
};

/// Numbers 0..count-1 in two: `first` of them, spread evenly, and the others; each in order.
struct SampleSplit {
  std::vector<size_t> first, rest;
};
SampleSplit split_samples(size_t count, size_t first);

}  // namespace lathe
