// SPDX-License-Identifier: Apache-2.0
// The distribution of measured times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lathe {

/// Equal bins over [low, low + width * counts.size()]; the last one includes its upper end.
struct Histogram {
  double low = 0;    ///< ns
  double width = 0;  ///< ns of one bin; 0 when all samples are the same
  std::vector<size_t> counts;
};

/// All times in nanoseconds; zeros without samples.
struct Distribution {
  size_t count = 0;
  double min = 0, p50 = 0, p90 = 0, p99 = 0, max = 0, mean = 0;
  double deviation = 0;  ///< standard deviation of the sample (n - 1)
  Histogram histogram;
};

/// The value below which a fraction q of the sorted samples lies, interpolated linearly between neighbours as
/// numpy does. 0 without samples; q is taken into 0..1.
double percentile(std::span<const int64_t> sorted, double q);

/// `bins` 0: by the number of samples.
Distribution distribution(std::vector<int64_t> samples_ns, size_t bins = 0);

}  // namespace lathe
