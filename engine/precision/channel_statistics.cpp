// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/channel_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe {
namespace {

constexpr size_t most_samples = 32;  // means and maxima of channels settle soon

struct Sums {
  std::vector<float> low, high;
  std::vector<double> sum;
  uint64_t count = 0;  ///< elements of one channel
  bool fits = true;
};

void add(Sums& sums, const Tensor& tensor, int64_t axis) {
  const auto rank = static_cast<int64_t>(tensor.rank());
  const int64_t at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank || tensor.type() != ElementType::f32) {
    sums.fits = false;
    return;
  }
  const auto channels = static_cast<size_t>(tensor.dim(static_cast<size_t>(at)));
  if (sums.sum.empty()) {
    sums.low.assign(channels, std::numeric_limits<float>::infinity());
    sums.high.assign(channels, -std::numeric_limits<float>::infinity());
    sums.sum.assign(channels, 0);
  }
  sums.fits = sums.fits && channels > 0 && channels == sums.sum.size();
  if (!sums.fits) return;
  const auto inner =
      static_cast<size_t>(element_count(std::span(tensor.shape()).subspan(static_cast<size_t>(at) + 1)));
  const auto numbers = tensor.data<float>();
  for (size_t begin = 0, channel = 0; begin < numbers.size(); begin += inner) {
    for (size_t i = begin; i < begin + inner; ++i) {
      sums.low[channel] = std::min(sums.low[channel], numbers[i]);
      sums.high[channel] = std::max(sums.high[channel], numbers[i]);
      sums.sum[channel] += numbers[i];
    }
    if (++channel == channels) channel = 0;
  }
  sums.count += numbers.size() / channels;
}

}  // namespace

Result<ChannelCalibration> channel_statistics(const std::shared_ptr<const Model>& model,
                                              const ChannelAxes& values, const CalibrationData& data,
                                              const JobContext& job) {
  std::map<std::string, Sums> sums;
  std::vector<std::string> names;
  for (const auto& [name, axis] : values) names.push_back(name);
  LATHE_TRY(observe(model, names, data, most_samples, job,
                    [&](const std::string& name, const Tensor& tensor, size_t) -> Status {
                      add(sums[name], tensor, values.at(name));
                      return {};
                    }));
  ChannelCalibration found;
  for (auto& [name, each] : sums) {
    if (!each.fits || each.count == 0) continue;
    ChannelStatistics& made = found[name];
    for (size_t c = 0; c < each.sum.size(); ++c) {
      made.largest.push_back(std::max(std::abs(each.low[c]), std::abs(each.high[c])));
      made.mean.push_back(each.sum[c] / static_cast<double>(each.count));
    }
    made.low = std::move(each.low);
    made.high = std::move(each.high);
  }
  return found;
}

}  // namespace lathe
