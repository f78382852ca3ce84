// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/distribution.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

Histogram histogram(std::span<const int64_t> sorted, size_t bins) {
  constexpr size_t most_bins = 64;
  if (bins == 0)
    bins = std::clamp<size_t>(static_cast<size_t>(std::ceil(std::sqrt(static_cast<double>(sorted.size())))),
                              1, most_bins);
  const auto low = static_cast<double>(sorted.front()), high = static_cast<double>(sorted.back());
  if (low == high) return {low, 0, {sorted.size()}};
  Histogram result{low, (high - low) / static_cast<double>(bins), std::vector<size_t>(bins, 0)};
  for (const int64_t sample : sorted) {
    const auto bin = static_cast<size_t>((static_cast<double>(sample) - low) / result.width);
    ++result.counts[std::min(bin, bins - 1)];
  }
  return result;
}

}  // namespace

double percentile(std::span<const int64_t> sorted, double q) {
  if (sorted.empty()) return 0;
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const auto low = static_cast<double>(sorted[below]), high = static_cast<double>(sorted[above]);
  return low + (high - low) * (position - static_cast<double>(below));
}

Distribution distribution(std::vector<int64_t> samples, size_t bins) {
  Distribution result;
  if (samples.empty()) return result;
  std::sort(samples.begin(), samples.end());
  const auto n = static_cast<double>(samples.size());
  result.count = samples.size();
  result.min = static_cast<double>(samples.front());
  result.max = static_cast<double>(samples.back());
  result.p50 = percentile(samples, 0.5);
  result.p90 = percentile(samples, 0.9);
  result.p99 = percentile(samples, 0.99);
  double sum = 0;
  for (const int64_t sample : samples) sum += static_cast<double>(sample);
  result.mean = sum / n;
  double squares = 0;
  for (const int64_t sample : samples) squares += std::pow(static_cast<double>(sample) - result.mean, 2);
  result.deviation = samples.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
  result.histogram = histogram(samples, bins);
  return result;
}

}  // namespace lathe
