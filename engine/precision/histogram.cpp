// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace lathe {
namespace {

constexpr std::array names = {"minmax", "entropy", "percentile", "mse"};
constexpr int levels = 256;
constexpr float symmetric_levels = 127;  // on each side of 0
constexpr double left_out = 0.00005;     // on each side, of all elements
constexpr int steps = 64;                // ranges that a search tries, from all that was seen down to a part

}  // namespace

const char* to_string(Calibrator calibrator) {
  return names[static_cast<size_t>(calibrator)];
}

std::optional<Calibrator> parse_calibrator(std::string_view name) {
  for (size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<Calibrator>(i);
  return std::nullopt;
}

float QuantizedRange::scale() const {
  const float step = high / (levels - 1) - low / (levels - 1);  // no overflow in between
  return step >= 1e-30F ? step : 1.0F;
}

float QuantizedRange::symmetric_scale() const {
  const float step = std::max(-low, high) / symmetric_levels;
  return step >= 1e-30F ? step : 1.0F;
}

int QuantizedRange::zero_point() const {
  return std::clamp(static_cast<int>(std::nearbyint(-low / scale())), 0, levels - 1);
}

void TensorHistogram::grow(float magnitude) {
  if (limit_ == 0) {
    limit_ = magnitude;
    counts_.assign(bins, 0);
    return;
  }
  while (limit_ < magnitude) {  // two bins become one, nearer to the middle
    std::vector<uint64_t> merged(bins, 0);
    for (size_t i = 0; i < bins; ++i) merged[bins / 4 + i / 2] += counts_[i];
    counts_ = std::move(merged);
    limit_ *= 2;
  }
}

size_t TensorHistogram::bin_of(float value) const {
  const double at = (value + limit_) / width();
  return std::min(bins - 1, static_cast<size_t>(std::max(0.0, at)));
}

void TensorHistogram::add(std::span<const float> values) {
  float low = 0, high = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  low_ = std::min(low_, low);
  high_ = std::max(high_, high);
  const float magnitude = std::max(-low, high);
  if (magnitude > 0) grow(magnitude);
  for (const float value : values) {
    if (!std::isfinite(value)) {
      ++not_finite_;
      continue;
    }
    ++count_;
    if (value == 0)
      ++zeros_;  // exact in every range
    else
      ++counts_[bin_of(value)];
  }
}

QuantizedRange TensorHistogram::range(Calibrator calibrator) const {
  const QuantizedRange seen = seen_range(calibrator);
  return {seen.low * headroom_, seen.high * headroom_};
}

QuantizedRange TensorHistogram::seen_range(Calibrator calibrator) const {
  if (limit_ == 0) return {};
  switch (calibrator) {
    case Calibrator::minmax:
      break;
    case Calibrator::entropy:
      return by_entropy();
    case Calibrator::percentile:
      return by_percentile();
    case Calibrator::mse:
      return by_mse();
  }
  return {low_, high_};
}

QuantizedRange TensorHistogram::by_percentile() const {
  const double allowed = left_out * static_cast<double>(count_);
  const auto edge = [&](bool from_above) {
    double seen = 0;
    for (size_t i = 0; i < bins; ++i) {
      const size_t bin = from_above ? bins - 1 - i : i;
      seen += static_cast<double>(counts_[bin]);
      if (seen > allowed) return centre(bin) + (from_above ? 0.5 : -0.5) * width();
    }
    return 0.0;
  };
  return {std::max(low_, std::min(0.0F, static_cast<float>(edge(false)))),
          std::min(high_, std::max(0.0F, static_cast<float>(edge(true))))};
}

/// Rounding spreads errors evenly over one step; what is clipped errs by its distance from the range.
double TensorHistogram::square_error(QuantizedRange range) const {
  const double step = range.scale(), rounding = step * step / 12;
  double error = 0;
  for (size_t i = 0; i < bins; ++i) {
    if (counts_[i] == 0) continue;
    const double value = centre(i);
    const double beyond = value < range.low ? range.low - value : std::max(0.0, value - range.high);
    error += static_cast<double>(counts_[i]) * std::max(rounding, beyond * beyond);
  }
  return error;
}

QuantizedRange TensorHistogram::by_mse() const {
  QuantizedRange best{low_, high_};
  double least = square_error(best);
  for (int round = 0; round < 2; ++round)
    for (float QuantizedRange::*side : {&QuantizedRange::high, &QuantizedRange::low}) {
      const float widest = side == &QuantizedRange::high ? high_ : low_;
      QuantizedRange tried = best;
      for (int i = 1; i < steps; ++i) {
        tried.*side = widest * static_cast<float>(i) / steps;
        const double error = square_error(tried);
        if (error >= least) continue;
        least = error;
        best = tried;
      }
    }
  return best;
}

/// Of the distribution clipped to the range from the same distribution in 256 levels.
double TensorHistogram::divergence(QuantizedRange range) const {
  const size_t first = bin_of(range.low), last = bin_of(range.high);
  std::vector<double> clipped(last - first + 1, 0);
  for (size_t i = 0; i < bins; ++i)
    clipped[std::clamp(i, first, last) - first] += static_cast<double>(counts_[i]);
  const double total = static_cast<double>(count_ - zeros_);
  double sum = 0;
  for (size_t level = 0; level < levels; ++level) {
    const size_t begin = clipped.size() * level / levels, end = clipped.size() * (level + 1) / levels;
    double inside = 0;
    size_t filled = 0;
    for (size_t i = begin; i < end; ++i) {
      inside += static_cast<double>(counts_[first + i]);
      filled += clipped[i] > 0;
    }
    for (size_t i = begin; i < end; ++i) {
      if (clipped[i] <= 0) continue;
      const double p = clipped[i] / total;
      const double q = std::max(inside / static_cast<double>(filled) / total, 1e-12);
      sum += p * std::log(p / q);
    }
  }
  return sum;
}

QuantizedRange TensorHistogram::by_entropy() const {
  QuantizedRange best{low_, high_};
  double least = divergence(best);
  const float magnitude = std::max(-low_, high_);
  for (int i = steps - 1; i >= steps / 16; --i) {
    const float limit = magnitude * static_cast<float>(i) / steps;
    const QuantizedRange tried{std::max(low_, -limit), std::min(high_, limit)};
    const double found = divergence(tried);
    if (found >= least) continue;
    least = found;
    best = tried;
  }
  return best;
}

/// Bins as pairs: how many are empty, and the count of the one after them.
void TensorHistogram::write(ByteWriter& writer) const {
  for (const double each : {limit_, static_cast<double>(low_), static_cast<double>(high_)}) writer.real(each);
  for (const uint64_t each : {count_, zeros_, not_finite_}) writer.number(each);
  uint64_t empty = 0;
  for (const uint64_t each : counts_) {
    if (each == 0) {
      ++empty;
      continue;
    }
    writer.number(empty);
    writer.number(each);
    empty = 0;
  }
}

bool TensorHistogram::read(ByteReader& reader) {
  TensorHistogram made;
  double low = 0, high = 0;
  if (!reader.real(made.limit_) || !reader.real(low) || !reader.real(high) || !reader.number(made.count_) ||
      !reader.number(made.zeros_) || !reader.number(made.not_finite_))
    return false;
  const bool sound = std::isfinite(made.limit_) && made.limit_ >= 0 && low <= 0 && high >= 0 &&
                     std::max(-low, high) <= made.limit_ && made.zeros_ <= made.count_;
  if (!sound) return false;
  made.low_ = static_cast<float>(low);
  made.high_ = static_cast<float>(high);
  if (made.limit_ > 0) made.counts_.assign(bins, 0);
  uint64_t left = made.count_ - made.zeros_, bin = 0;
  while (left > 0) {
    uint64_t empty = 0, count = 0;
    if (!reader.number(empty) || !reader.number(count) || count == 0 || count > left || empty > bins)
      return false;
    bin += empty;
    if (bin >= made.counts_.size()) return false;
    made.counts_[bin++] = count;
    left -= count;
  }
  *this = std::move(made);
  return true;
}

}  // namespace lathe
