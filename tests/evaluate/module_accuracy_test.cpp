// SPDX-License-Identifier: Apache-2.0
// Sums at the borders of modules and what follows from them, with numbers worked out by hand.
#include "profiler/evaluate/module_accuracy.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "engine/tensor/compare.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Tensor vector(std::initializer_list<float> numbers) {
  return Tensor::from<float>({static_cast<int64_t>(numbers.size())}, numbers);
}

TEST(BorderSums, TwoSamplesAreOneVector) {
  BorderSums sums;
  EXPECT_FALSE(sums.any());
  sums.add(vector({3, 4}), vector({3, 4.5F}));
  sums.add(vector({0, 0}), vector({0, -0.5F}));
  // signal 9 + 16, noise 0.25 + 0.25, converted 9 + 20.25 + 0.25, product 9 + 18
  EXPECT_NEAR(sums.snr_db(), 10 * std::log10(25 / 0.5), 1e-12);
  EXPECT_NEAR(sums.snr_db(), 16.9897, 1e-4);
  EXPECT_NEAR(sums.cosine(), 27 / (5 * std::sqrt(29.5)), 1e-12);
  EXPECT_EQ(sums.max_abs(), 0.5);
}

TEST(BorderSums, TypesAreComparedByValue) {
  BorderSums sums;
  const F16 half[] = {F16(1.0F), F16(2.5F)};
  sums.add(vector({1, 2}), Tensor::from<F16>({2}, half));
  EXPECT_EQ(sums.max_abs(), 0.5);
  EXPECT_NEAR(sums.snr_db(), 10 * std::log10(5 / 0.25), 1e-12);
}

TEST(BorderSums, TheSameIsTheSameAndWhatIsNotFiniteIsTheWorst) {
  const float infinity = std::numeric_limits<float>::infinity();
  BorderSums same;
  same.add(vector({1, infinity}), vector({1, infinity}));
  EXPECT_EQ(same.snr_db(), snr_cap_db);
  EXPECT_EQ(same.cosine(), 1);
  same.add(vector({1}), vector({infinity}));
  EXPECT_EQ(same.snr_db(), -snr_cap_db);
  BorderSums shapes;
  shapes.add(vector({1, 2}), vector({1}));
  EXPECT_EQ(shapes.snr_db(), -snr_cap_db);
  EXPECT_EQ(shapes.cosine(), 0);
  shapes.add(vector({10}), vector({11}));
  EXPECT_NEAR(shapes.snr_db(), 20, 1e-9) << "where they fit";
  EXPECT_EQ(shapes.other_shapes(), 1u);
  BorderSums integers;
  integers.add(Tensor::from<int64_t>({1}, {3}), Tensor::from<int64_t>({1}, {4}));
  EXPECT_FALSE(integers.any());
}

/// Runs in which each tensor is 100 in fp32 and off by so much in the converted model.
ModuleAccuracy compare(std::vector<ModuleBorder> borders, const std::vector<float>& errors) {
  NamedValues wide, converted;
  for (size_t i = 0; i < borders.size(); ++i) {
    wide[borders[i].tensor] = RuntimeValue(vector({100}));
    if (i < errors.size()) converted[borders[i].converted] = RuntimeValue(vector({100 + errors[i]}));
  }
  BorderComparison comparison(std::move(borders));
  comparison.add(wide, converted);
  return comparison.result();
}

TEST(ModuleAccuracy, TheFirstThatIsWrongAndTheOneThatLosesMostAreNamed) {
  // 60 dB, 54 dB, 14 dB, 8 dB: d is worse, but goes on with what c made of it.
  const ModuleAccuracy found = compare({{"a", "ta", "ta/cast", true, {}},
                                        {"b", "tb", "tb", true, {0}},
                                        {"b.c", "tc", "tc", true, {1}},
                                        {"d", "td", "td", true, {2}}},
                                       {0.1F, 0.2F, 20, 40});
  ASSERT_EQ(found.borders.size(), 4u);
  EXPECT_NEAR(found.borders[0].snr_db, 60, 1e-3);
  EXPECT_EQ(found.borders[0].entering_db, snr_cap_db);
  EXPECT_NEAR(found.borders[2].snr_db, 20 * std::log10(100 / 20.0), 1e-5);
  EXPECT_NEAR(found.borders[2].entering_db, 20 * std::log10(100 / 0.2), 1e-3);
  EXPECT_NEAR(found.borders[2].lost_db(), 40, 1e-3);
  EXPECT_EQ(found.first_wrong, 2u);
  EXPECT_EQ(found.steepest, 2u);
  EXPECT_EQ(found.worst_of("d"), &found.borders[3]);
  EXPECT_EQ(found.worst_of("e"), nullptr);
  EXPECT_THAT(verdict(found),
              ElementsAre(HasSubstr("It first goes wrong at 'b.c' (tensor 'tc'): 14.0 dB"),
                          HasSubstr("Most is lost inside 'b.c' (tensor 'tc'): from 54.0 dB to 14.0 dB")));
}

TEST(ModuleAccuracy, WhatIsRightEverywhereIsSaidToBe) {
  const ModuleAccuracy found =
      compare({{"a", "ta", "ta", true, {}}, {"", "tb", "tb", true, {0}}}, {0.1F, 0.1F});
  EXPECT_FALSE(found.first_wrong);
  EXPECT_FALSE(found.steepest) << "nothing is lost between the two";
  EXPECT_THAT(verdict(found), ElementsAre(HasSubstr("It goes wrong nowhere")));
  EXPECT_THAT(verdict(ModuleAccuracy()), IsEmpty());
}

TEST(ModuleAccuracy, ABorderThatWasNotSeenIsLeftOutAndPassesOnWhatCameToIt) {
  std::vector<ModuleBorder> borders = {
      {"a", "ta", "ta", true, {}}, {"b", "tb", "gone", true, {0}}, {"c", "tc", "tc", true, {1}}};
  NamedValues wide, converted;
  for (const char* name : {"ta", "tb", "tc"}) wide[name] = RuntimeValue(vector({100}));
  converted["ta"] = RuntimeValue(vector({101}));
  converted["tc"] = RuntimeValue(vector({110}));
  BorderComparison comparison(borders);
  comparison.add(wide, converted);
  const ModuleAccuracy found = comparison.result();
  ASSERT_EQ(found.borders.size(), 2u);
  EXPECT_EQ(found.borders[1].module, "c");
  EXPECT_NEAR(found.borders[1].entering_db, 40, 1e-9);
}

TEST(ModuleAccuracy, WhatOnlyPassesThroughAModuleAboveIsNotItsLoss) {
  // The same tensor leaves encoder.fc and encoder.
  const ModuleAccuracy found = compare({{"encoder.norm", "tn", "tn", true, {}},
                                        {"encoder.fc", "t", "t", true, {0}},
                                        {"encoder", "t", "t", false, {}}},
                                       {1, 5, 5});
  EXPECT_EQ(found.steepest, 1u);
}

}  // namespace
}  // namespace lathe
