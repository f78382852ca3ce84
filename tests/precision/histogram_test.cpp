// SPDX-License-Identifier: Apache-2.0
// Calibrators, against cases worked out by hand and straightforward references.
#include "engine/precision/histogram.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace lathe {
namespace {

TensorHistogram of(const std::vector<float>& values) {
  TensorHistogram histogram;
  histogram.add(values);
  return histogram;
}

std::vector<float> normal(size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> draw;
  std::vector<float> values(count);
  for (float& value : values) value = draw(random);
  return values;
}

double mean_square_error(const std::vector<float>& values, QuantizedRange range) {
  double error = 0;
  for (const float value : values) {
    const double level = std::clamp(
        std::nearbyint(static_cast<double>(value / range.scale())) + range.zero_point(), 0.0, 255.0);
    const double back = (level - range.zero_point()) * range.scale();
    error += (value - back) * (value - back);
  }
  return error / static_cast<double>(values.size());
}

TEST(Histogram, MinmaxHoldsZeroAndAllThatWasSeen) {
  const QuantizedRange both = of({-1, 0.5F, 4.1F}).range(Calibrator::minmax);
  EXPECT_EQ(both.low, -1.0F);
  EXPECT_EQ(both.high, 4.1F);
  EXPECT_FLOAT_EQ(both.scale(), 5.1F / 255);
  EXPECT_EQ(both.zero_point(), 50);
  const QuantizedRange positive = of({2, 3}).range(Calibrator::minmax);
  EXPECT_EQ(positive.low, 0.0F);
  EXPECT_EQ(positive.zero_point(), 0);
  EXPECT_EQ(of({-2, -1}).range(Calibrator::minmax).zero_point(), 255);
}

TEST(Histogram, NothingButZeroHasAScaleAllTheSame) {
  for (const Calibrator each :
       {Calibrator::minmax, Calibrator::entropy, Calibrator::percentile, Calibrator::mse}) {
    const QuantizedRange range = of({0, 0}).range(each);
    EXPECT_EQ(range.scale(), 1.0F);
    EXPECT_EQ(range.zero_point(), 0);
  }
}

TEST(Histogram, NumbersThatAreNotFiniteAreCountedApart) {
  const TensorHistogram histogram =
      of({1, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()});
  EXPECT_EQ(histogram.not_finite(), 2U);
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.high(), 1.0F);
}

TEST(Histogram, LargerNumbersLaterChangeNothingButTheBins) {
  TensorHistogram grown;
  grown.add(std::vector<float>{0.001F});
  grown.add(std::vector<float>(100000, 1.0F));
  grown.add(std::vector<float>{1000.0F});
  EXPECT_EQ(grown.count(), 100002U);
  EXPECT_EQ(grown.range(Calibrator::minmax).high, 1000.0F);
  EXPECT_NEAR(grown.range(Calibrator::percentile).high, 1.0F, 0.3F) << "a bin is 2 * 1024 / 8192 wide";
}

TEST(Histogram, PercentileLeavesOutTheOutermostOfEachSide) {
  // 0.005 % of 100000 are 5: the 6th largest and smallest stay.
  std::vector<float> values(100000, 0.25F);
  for (int i = 0; i < 5; ++i) values[static_cast<size_t>(i)] = 10, values[static_cast<size_t>(10 + i)] = -10;
  values[20] = 2;
  values[21] = -3;
  const QuantizedRange range = of(values).range(Calibrator::percentile);
  EXPECT_NEAR(range.high, 2, 20.0 / 8192);
  EXPECT_NEAR(range.low, -3, 20.0 / 8192);
}

TEST(Histogram, MseClipsAnOutlierAndIsAsGoodAsATrialOfAllRanges) {
  std::vector<float> values = normal(100000);
  values[0] = 60;
  const QuantizedRange found = of(values).range(Calibrator::mse);
  const double minmax = mean_square_error(values, of(values).range(Calibrator::minmax));
  double least = minmax;
  for (int high = 1; high <= 120; ++high)
    for (int low = 4; low <= 10; ++low)
      least = std::min(least, mean_square_error(values, {-0.5F * static_cast<float>(low),
                                                         0.5F * static_cast<float>(high)}));
  EXPECT_LT(mean_square_error(values, found), 1.05 * least);
  EXPECT_LE(mean_square_error(values, found), minmax);
}

TEST(Histogram, EntropyClipsAnOutlierAndKeepsAUniformRange) {
  std::vector<float> values = normal(100000);
  values[0] = 60;
  const QuantizedRange clipped = of(values).range(Calibrator::entropy);
  EXPECT_LT(clipped.high, 12);
  EXPECT_GT(clipped.high, 2);
  std::vector<float> even;
  for (int i = 1; i <= 8192; ++i) even.push_back(static_cast<float>(i) / 8192);
  EXPECT_GT(of(even).range(Calibrator::entropy).high, 0.95F);
}

/// Sorted, without the outermost 0.005 % of each side.
QuantizedRange percentile_reference(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const auto left_out = static_cast<size_t>(0.00005 * static_cast<double>(values.size()));
  return {std::min(0.0F, values[left_out]), std::max(0.0F, values[values.size() - 1 - left_out])};
}

TEST(Histogram, PercentileAgreesWithSorting) {
  for (const float shift : {0.0F, 0.7F, -3.0F}) {
    std::vector<float> values = normal(200000);
    for (float& value : values) value = value * value * value + shift;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const double bin = 2.0 * std::max(-*low, *high) / TensorHistogram::bins;
    const QuantizedRange found = of(values).range(Calibrator::percentile),
                         expected = percentile_reference(values);
    EXPECT_NEAR(found.low, expected.low, bin) << shift;
    EXPECT_NEAR(found.high, expected.high, bin) << shift;
  }
}

/// Sum of p log(p / q) where q spreads what the range holds of each of 256 levels over the level's filled
/// bins, and p has what lies beyond in its outermost bins. `counts`: of 8192 equal bins from -limit to limit.
double divergence_reference(const std::vector<double>& counts, double limit, QuantizedRange range) {
  const double width = 2 * limit / static_cast<double>(counts.size());
  const auto bin = [&](double value) {
    return std::min(counts.size() - 1, static_cast<size_t>((value + limit) / width));
  };
  const size_t first = bin(range.low), last = bin(range.high), size = last - first + 1;
  std::vector<double> p(counts.begin() + static_cast<std::ptrdiff_t>(first),
                        counts.begin() + static_cast<std::ptrdiff_t>(last) + 1),
      q(size, 0), inside = p;
  for (size_t i = 0; i < counts.size(); ++i)
    if (i < first || i > last) p[i < first ? 0 : size - 1] += counts[i];
  double total = 0, sum = 0;
  for (const double each : p) total += each;
  for (size_t level = 0; level < 256; ++level) {
    double held = 0, filled = 0;
    const size_t begin = size * level / 256, end = size * (level + 1) / 256;
    for (size_t i = begin; i < end; ++i) held += inside[i], filled += p[i] > 0 ? 1 : 0;
    for (size_t i = begin; i < end; ++i)
      if (p[i] > 0) q[i] = std::max(held / filled / total, 1e-12);
  }
  for (size_t i = 0; i < size; ++i)
    if (p[i] > 0) sum += p[i] / total * std::log(p[i] / total / q[i]);
  return sum;
}

TEST(Histogram, EntropyAgreesWithATrialOfAllLimits) {
  for (const float power : {1.0F, 3.0F}) {
    std::vector<float> values = normal(50000);
    for (float& value : values) value = std::copysign(std::pow(std::abs(value), power), value);
    values[0] = *std::max_element(values.begin(), values.end()) * 3;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const double limit = std::max(-*low, *high);
    std::vector<double> counts(TensorHistogram::bins, 0);
    for (const float value : values)
      ++counts[std::min(counts.size() - 1, static_cast<size_t>((value + limit) / (2 * limit) * 8192))];
    QuantizedRange best{*low, *high};
    double least = divergence_reference(counts, limit, best);
    for (int part = 63; part >= 4; --part) {  // in 64ths of all that was seen
      const float cut = static_cast<float>(limit) * static_cast<float>(part) / 64;
      const QuantizedRange tried{std::max(*low, -cut), std::min(*high, cut)};
      const double found = divergence_reference(counts, limit, tried);
      if (found < least) least = found, best = tried;
    }
    const QuantizedRange found = of(values).range(Calibrator::entropy);
    EXPECT_NEAR(found.low, best.low, 1e-3 * limit) << power;
    EXPECT_NEAR(found.high, best.high, 1e-3 * limit) << power;
    EXPECT_LT(found.high, *high) << "the outlier is cut";
  }
}

TEST(Histogram, CalibratorsHaveNames) {
  for (const char* name : {"minmax", "entropy", "percentile", "mse"})
    EXPECT_STREQ(to_string(*parse_calibrator(name)), name);
  EXPECT_FALSE(parse_calibrator("max"));
}

}  // namespace
}  // namespace lathe
