// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/distribution.h"

#include <cmath>
#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Distribution, PercentilesAsNumpy) {
  const std::vector<int64_t> samples = {10, 20, 30, 40};
  EXPECT_DOUBLE_EQ(percentile(samples, 0), 10);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.5), 25);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.9), 37);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.99), 39.7);
  EXPECT_DOUBLE_EQ(percentile(samples, 1), 40);
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0);
}

TEST(Distribution, Summary) {
  const Distribution d = distribution({5, 1, 3, 2, 4}, 4);
  EXPECT_EQ(d.count, 5u);
  EXPECT_EQ(d.min, 1);
  EXPECT_EQ(d.p50, 3);
  EXPECT_EQ(d.max, 5);
  EXPECT_EQ(d.mean, 3);
  EXPECT_DOUBLE_EQ(d.deviation, std::sqrt(2.5));
  EXPECT_EQ(d.histogram.counts, (std::vector<size_t>{1, 1, 1, 2}));
  EXPECT_EQ(distribution({7, 7}).histogram.counts, std::vector<size_t>{2});
  EXPECT_EQ(distribution({}).count, 0u);
}

}  // namespace
}  // namespace lathe
