// SPDX-License-Identifier: Apache-2.0
// A module that loses too much in a narrow precision is found, fails with precision_loss and can be mended.
#include "engine/convert/precision_budget.h"

#include <gmock/gmock.h>

#include "tests/convert/fragile_module.h"

namespace lathe {
namespace {

using testing::HasSubstr;

Result<Conversion> converted(std::optional<double> budget, bool apply) {
  Configuration configuration;
  ModuleSettings& all = configuration.modules[""];
  all.convert = all.recurse = all.bf16 = true;
  configuration.accuracy_budget = budget;
  ConvertOptions options;
  options.score = closeness;
  options.apply_remedies = apply;
  return on_executor([&] { return convert(with_fragile_module(), configuration, options, JobContext()); });
}

const ModuleOutcome& outcome(const Conversion& conversion, const std::string& path) {
  return *conversion.find(*conversion.model->modules.find(path));
}

TEST(PrecisionBudget, TheModuleThatLosesTooMuchFailsAndTheOthersConvert) {
  const auto conversion = converted(0.05, false);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  const ModuleOutcome& fragile = outcome(*conversion, "fragile");
  ASSERT_TRUE(fragile.failure);
  EXPECT_EQ(fragile.failure->cause, FailureCause::precision_loss);
  ASSERT_EQ(fragile.failure->evidence.size(), 2U);
  EXPECT_EQ(fragile.failure->evidence[0].name, "fragile/Add");
  EXPECT_THAT(fragile.failure->traceback(), HasSubstr("may be lost"));
  ASSERT_FALSE(fragile.failure->remedies.empty());
  EXPECT_EQ(fragile.failure->remedies[0].kind, Remedy::Kind::raise_precision);
  EXPECT_EQ(fragile.failure->remedies[0].subject, "fragile");
  EXPECT_EQ(outcome(*conversion, "").failure->cause, FailureCause::precision_loss);
  EXPECT_EQ(outcome(*conversion, "first").status, ModuleStatus::success);
  EXPECT_EQ(outcome(*conversion, "last").status, ModuleStatus::success);
  const auto score = on_executor([&] { return closeness(*conversion->runnable); });
  ASSERT_TRUE(score.ok());
  EXPECT_GT(*score, -0.05);
}

TEST(PrecisionBudget, ItsRemedyMakesTheModelWhole) {
  const auto conversion = converted(0.05, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, conversion->total);
  EXPECT_EQ(outcome(*conversion, "").precision, "bf16");
  ASSERT_EQ(conversion->remedies.size(), 1U);
  EXPECT_EQ(conversion->remedies[0].text, "'fragile' computes in fp32");
  EXPECT_EQ(conversion->configuration.modules.at("fragile").bf16, false);
  const auto score = on_executor([&] { return closeness(*conversion->runnable); });
  ASSERT_TRUE(score.ok());
  EXPECT_GT(*score, -0.05);
}

TEST(PrecisionBudget, WithoutABudgetNothingIsJudged) {
  const auto conversion = converted(std::nullopt, false);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, conversion->total);
}

TEST(PrecisionBudget, AWideBudgetIsKept) {
  const auto conversion = converted(100, false);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, conversion->total);
}

}  // namespace
}  // namespace lathe
