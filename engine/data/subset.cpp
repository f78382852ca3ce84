// SPDX-License-Identifier: Apache-2.0
#include "engine/data/subset.h"

#include <algorithm>
#include <utility>

namespace lathe {

Subset::Subset(const SampleSource& all, std::vector<size_t> samples)
    : all_(all), samples_(std::move(samples)) {
  const CocoLabels* labels = all.coco();
  if (labels == nullptr) return;
  coco_.emplace();
  coco_->categories = labels->categories;
  for (const size_t k : samples_) coco_->images.push_back(labels->images[k]);
}

SampleSplit split_samples(size_t count, size_t first) {
  SampleSplit split;
  first = std::min(first, count);
  for (size_t k = 0; k < count; ++k) {
    // The k at which the share of `first` that is due grows by one.
    const bool taken = (k + 1) * first / count > k * first / count;
    (taken ? split.first : split.rest).push_back(k);
  }
  return split;
}

}  // namespace lathe
