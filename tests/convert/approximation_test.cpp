// SPDX-License-Identifier: Apache-2.0
// An operator is approximated only where what that costs was measured and may be lost.
#include <gmock/gmock.h>

#include "tests/convert/planted_models.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const Model> with(const char* op, int opset) {
  Planter plant(opset);
  const ValueId x = plant.input("x", sizes({8, 16}));
  plant.output(plant.node("Mul", {plant.node(op, {x}), plant.constant(Tensor::scalar(2.0F))}), "y");
  return plant.finish();
}

/// Twice as large, the pixels between by cubic interpolation.
std::shared_ptr<const Model> enlarged() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({1, 1, 8, 8}));
  const ValueId scales = plant.constant(Tensor::from<float>({4}, {1, 1, 2, 2}));
  plant.output(plant.node("Resize", {x, ValueId(), scales}, {{"mode", std::string("cubic")}}), "y");
  return plant.finish();
}

Configuration approximating(const std::string& subject, std::optional<double> tolerance) {
  Configuration configuration;
  configuration.remedies.push_back(
      {Remedy::Kind::approximate_operator, subject, std::nullopt, std::nullopt, tolerance});
  return configuration;
}

Result<Conversion> converted(const std::shared_ptr<const Model>& model, const Configuration& configuration,
                             ConvertOptions options = {}) {
  return on_executor([&] { return convert(model, configuration, options, JobContext()); });
}

TEST(Approximation, IsKeptWhereLittleIsLost) {
  const auto conversion = converted(with("Gelu", 20), approximating("Gelu", 0.05));
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  ASSERT_EQ(conversion->remedies.size(), 1U);
  const AppliedRemedy& applied = conversion->remedies[0];
  EXPECT_THAT(applied.text, AllOf(HasSubstr("approximated 1 Gelu by x * sigmoid(1.702 x)"),
                                  HasSubstr("seeded random inputs, as there is no data")));
  ASSERT_TRUE(applied.snr_db.has_value());
  EXPECT_GT(*applied.snr_db, 26);  // 0.05
  EXPECT_LT(*applied.snr_db, 60);  // it is not exact
  EXPECT_FALSE(applied.metric_loss.has_value());
  EXPECT_THAT(operators_in(*conversion->model), Not(Contains("Gelu")));
  EXPECT_EQ(conversion->converted, conversion->total);
}

TEST(Approximation, IsRefusedWithTheNumberWhereMuchIsLost) {
  const auto conversion = converted(with("Gelu", 20), approximating("Gelu", 0.001));
  ASSERT_FALSE(conversion.ok());
  EXPECT_THAT(conversion.error().text(), AllOf(HasSubstr("approximate_operator of 'Gelu'"),
                                               HasSubstr("where 0.001 is allowed"), HasSubstr("SNR of")));
}

TEST(Approximation, AllowsOnePercentUnlessTold) {
  const auto erf = converted(with("Erf", 17), approximating("Erf", std::nullopt));
  ASSERT_TRUE(erf.ok()) << erf.error().text();
  EXPECT_EQ(erf->remedies[0].step.tolerance, 0.01);
  EXPECT_EQ(erf->configuration.remedies[0].tolerance, 0.01);
  EXPECT_FALSE(converted(with("Gelu", 20), approximating("Gelu", std::nullopt)).ok());
}

TEST(Approximation, IsRepeatableFromTheConfigurationAndLeavesTheModelAsItWas) {
  const auto model = with("Erf", 17);
  const auto first = converted(model, approximating("/Erf", 0.02));  // a node by its name
  ASSERT_TRUE(first.ok()) << first.error().text();
  EXPECT_THAT(operators_in(*model), Contains("Erf"));
  const auto read = parse_configuration(to_json(first->configuration), model->modules, "config.json");
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->remedies, first->configuration.remedies);
  const auto again = converted(model, *read);
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(operators_in(*again->model), operators_in(*first->model));
  EXPECT_EQ(again->remedies[0].snr_db, first->remedies[0].snr_db);
}

/// Data decides: a ramp is the same by two neighbours as by four, a single point is not.
TEST(Approximation, IsMeasuredOnTheDataThereIs) {
  ConvertOptions smooth, sharp;
  std::vector<float> ramp, point(64, 0.0F);
  for (int i = 0; i < 64; ++i) ramp.push_back(static_cast<float>(i % 8));
  point[27] = 1;
  smooth.samples.emplace_back()["x"] = RuntimeValue(Tensor::from<float>({1, 1, 8, 8}, ramp));
  sharp.samples.emplace_back()["x"] = RuntimeValue(Tensor::from<float>({1, 1, 8, 8}, point));
  const auto kept = converted(enlarged(), approximating("Resize", 0.05), smooth);
  ASSERT_TRUE(kept.ok()) << kept.error().text();
  EXPECT_THAT(kept->remedies[0].text, HasSubstr("on 1 samples of the data"));
  const auto refused = converted(enlarged(), approximating("Resize", 0.05), sharp);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().text(), HasSubstr("samples of the data"));
}

/// The metric is what counts, within the accuracy budget.
TEST(Approximation, IsJudgedByTheMetricWhereThereIsOne) {
  ConvertOptions options;
  const auto inputs = random_inputs(*with("Gelu", 20), {}, {}, 3);
  ASSERT_TRUE(inputs.ok());
  // The mean of the outputs, which the approximation moves a little.
  options.score = [&](Runnable& runnable) -> Result<double> {
    LATHE_ASSIGN(const NamedValues outputs, runnable.run(*inputs, {}));
    double sum = 0;
    const auto numbers = outputs.at("y").tensor.to_double();
    for (const double number : numbers) sum += number;
    return std::abs(sum) / static_cast<double>(numbers.size());
  };
  Configuration wide = approximating("Gelu", std::nullopt), narrow = wide;
  wide.accuracy_budget = 0.5;
  narrow.accuracy_budget = -1;  // nothing is good enough
  const auto kept = converted(with("Gelu", 20), wide, options);
  ASSERT_TRUE(kept.ok()) << kept.error().text();
  ASSERT_TRUE(kept->remedies[0].metric_loss.has_value());
  EXPECT_LT(std::abs(*kept->remedies[0].metric_loss), 0.02);
  EXPECT_EQ(kept->remedies[0].step.tolerance, 0.5);
  const auto refused = converted(with("Gelu", 20), narrow, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().text(), HasSubstr("the metric on the data"));
}

TEST(Approximation, IsNotKeptUnmeasured) {
  const auto conversion =
      converted(foreign_operator("their.AdaptiveAvgPool2d"), approximating("their.AdaptiveAvgPool2d", 1));
  ASSERT_FALSE(conversion.ok());
  const auto unknown = converted(foreign_operator("their.Swish"), approximating("their.Swish", 1));
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().text(), HasSubstr("what it costs cannot be measured"));
  const auto nothing = converted(with("Erf", 17), approximating("Er", 1));
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().hints, std::vector<std::string>{"did you mean 'Erf'?"});
}

/// What comes after an approximation is compared with the approximated model.
TEST(Approximation, LetsOtherRemediesFollow) {
  Planter plant;
  const ValueId x = plant.input("x", {Dim(2), Dim::symbol("length")});
  plant.output(plant.node("Erf", {x}), "y");
  const auto model = plant.finish();
  Configuration configuration = approximating("Erf", 0.02);
  configuration.remedies.push_back({Remedy::Kind::pin_shapes, "x", Shape{2, 64}, std::nullopt});
  const auto conversion = converted(model, configuration);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->remedies[1].loss, 0.0);
}

}  // namespace
}  // namespace lathe
