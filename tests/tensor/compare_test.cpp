// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/compare.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace lathe {
namespace {

using ::testing::HasSubstr;
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

Tensor floats(std::initializer_list<float> values) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, values);
}

TEST(Compare, IdenticalTensors) {
  const auto d =
      compare_tensors(floats({1, -2, nan_value, infinity}), floats({1, -2, nan_value, infinity})).value();
  EXPECT_TRUE(d.identical());
  EXPECT_EQ(d.snr_db, snr_cap_db);
  EXPECT_EQ(d.max_abs, 0);
  EXPECT_EQ(d.max_abs_at, -1);
  EXPECT_EQ(d.cosine, 1);
  EXPECT_EQ(d.correlation, 1);
  EXPECT_THAT(d.text(), HasSubstr("identical"));
}

TEST(Compare, MeasuresKnownErrors) {
  const auto d = compare_tensors(floats({0, 3, -4, 10}), floats({0, 3, -3, 12})).value();
  EXPECT_DOUBLE_EQ(d.max_abs, 2);
  EXPECT_EQ(d.max_abs_at, 3);
  EXPECT_EQ(d.different, 2);
  EXPECT_DOUBLE_EQ(d.relative_to_largest, 0.2);
  EXPECT_DOUBLE_EQ(d.relative_to_range, 2.0 / 14);
  EXPECT_DOUBLE_EQ(d.rms, std::sqrt(5.0 / 4));
  EXPECT_NEAR(d.snr_db, 10 * std::log10(125.0 / 5), 1e-12);
  EXPECT_NEAR(d.cosine, (9 + 12 + 120) / std::sqrt(125.0 * (9 + 9 + 144)), 1e-12);
}

TEST(Compare, CorrelationSeesThroughScaleAndOffset) {
  const auto d = compare_tensors(floats({1, 2, 3, 4}), floats({12, 14, 16, 18})).value();
  EXPECT_NEAR(d.correlation, 1, 1e-12);
  EXPECT_NEAR(compare_tensors(floats({1, 2, 3}), floats({3, 2, 1})).value().correlation, -1, 1e-12);
  EXPECT_EQ(compare_tensors(floats({1, 1}), floats({1, 2})).value().correlation, 0);
}

TEST(Compare, NonFiniteMismatchesAreCounted) {
  const auto d =
      compare_tensors(floats({1, nan_value, infinity, 2}), floats({nan_value, nan_value, -infinity, 2}))
          .value();
  EXPECT_EQ(d.sums.nonfinite_mismatches, 2);
  EXPECT_EQ(d.snr_db, -snr_cap_db);
  EXPECT_EQ(d.max_abs, 0);
  EXPECT_THAT(d.text(), HasSubstr("2 NaN"));
}

TEST(Compare, TypesMayDiffer) {
  const auto d =
      compare_tensors(floats({1, 1.01f}), Tensor::from<BF16>({2}, {BF16(1.0f), BF16(1.01f)})).value();
  EXPECT_EQ(d.different, 1);
  EXPECT_GT(d.snr_db, 40);
  EXPECT_TRUE(compare_tensors(floats({1, 0}), Tensor::from<bool>({2}, {true, false})).value().identical());
}

TEST(Compare, LargeIntegersAreComparedExactly) {
  constexpr int64_t large = (int64_t{1} << 60) + 1;
  const auto d = compare_tensors(Tensor::scalar<int64_t>(large), Tensor::scalar<int64_t>(large - 1)).value();
  EXPECT_EQ(d.different, 1);
}

TEST(Compare, SpansManyChunks) {
  Tensor a = Tensor::allocate(ElementType::f32, {10001}).value();
  std::fill(a.mutable_data<float>().begin(), a.mutable_data<float>().end(), 2.0f);
  Tensor b = Tensor::from<float>({10001}, a.data<float>());
  b.mutable_data<float>()[10000] = 3;
  const auto d = compare_tensors(a, b).value();
  EXPECT_EQ(d.max_abs_at, 10000);
  EXPECT_EQ(d.different, 1);
}

TEST(Compare, EmptyTextAndErrors) {
  EXPECT_TRUE(compare_tensors(floats({}), floats({})).value().identical());
  EXPECT_EQ(compare_tensors(Tensor::of_strings({2}, {"a", "b"}), Tensor::of_strings({2}, {"a", "c"}))
                .value()
                .different,
            1);
  EXPECT_THAT(compare_tensors(floats({1}), floats({1, 2})).error().what, HasSubstr("shapes differ"));
  EXPECT_FALSE(compare_tensors(floats({1}), Tensor::of_strings({1}, {"a"})).ok());
  EXPECT_EQ(compare_tensors(Tensor::scalar(std::complex<float>(1)), Tensor::scalar(std::complex<float>(1)))
                .error()
                .kind,
            ErrorKind::unsupported);
}

TEST(Compare, SumsAddUpOverSamples) {
  DifferenceSums sums{100, 1, 0};
  sums += {100, 1, 0};
  EXPECT_NEAR(sums.snr_db(), 20, 1e-12);
  EXPECT_EQ((DifferenceSums{0, 0, 0}).snr_db(), snr_cap_db);
  EXPECT_EQ((DifferenceSums{0, 1, 0}).snr_db(), -snr_cap_db);
  EXPECT_EQ((DifferenceSums{1, 1e-300, 0}).snr_db(), snr_cap_db);
}

}  // namespace
}  // namespace lathe
