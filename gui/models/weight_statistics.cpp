// SPDX-License-Identifier: Apache-2.0
#include "gui/models/weight_statistics.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr int64_t chunk = 1 << 16;
constexpr size_t binCount = 64;

/// Hands the elements on as doubles, a part at a time, so that a large weight is never converted whole.
template <class Take>
Status forEachPart(const Tensor& weight, const JobContext& job, Take&& take) {
  const size_t size = element_size(weight.type());
  for (int64_t at = 0; at < weight.count(); at += chunk) {
    LATHE_TRY(job.check());
    const int64_t count = std::min(chunk, weight.count() - at);
    const Buffer bytes =
        weight.buffer().slice(static_cast<size_t>(at) * size, static_cast<size_t>(count) * size);
    take(Tensor::wrap(weight.type(), {count}, bytes).to_double());
  }
  return {};
}

}  // namespace

Result<WeightStatistics> weightStatistics(const Tensor& weight, const JobContext& job) {
  if (!is_float(weight.type()) && !is_integer(weight.type()) && weight.type() != ElementType::boolean)
    return unsupported("", std::string("no statistics of ") + to_string(weight.type()));
  WeightStatistics made;
  made.count = weight.count();
  int64_t finite = 0;
  double squares = 0;  // Welford's sum: exact enough for large means and small deviations
  LATHE_TRY(forEachPart(weight, job, [&](const std::vector<double>& part) {
    for (const double value : part) {
      if (!std::isfinite(value)) {
        ++(std::isnan(value) ? made.nans : made.infinities);
        continue;
      }
      made.zeros += value == 0 ? 1 : 0;
      made.min = finite == 0 ? value : std::min(made.min, value);
      made.max = finite == 0 ? value : std::max(made.max, value);
      ++finite;
      const double off = value - made.mean;
      made.mean += off / static_cast<double>(finite);
      squares += off * (value - made.mean);
    }
  }));
  if (finite == 0) return made;
  made.deviation = std::sqrt(squares / static_cast<double>(finite));
  made.bins.assign(binCount, 0);
  // Halves, so that the span of the largest doubles does not overflow.
  const double span = made.max / 2 - made.min / 2;
  LATHE_TRY(forEachPart(weight, job, [&](const std::vector<double>& part) {
    for (const double value : part) {
      if (!std::isfinite(value)) continue;
      const double share = span > 0 ? (value / 2 - made.min / 2) / span : 0.5;
      ++made.bins[std::min(static_cast<size_t>(share * binCount), binCount - 1)];
    }
  }));
  return made;
}

}  // namespace lathe
