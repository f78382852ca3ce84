// SPDX-License-Identifier: Apache-2.0
// What remedies would bring, whether Lathe takes them unasked, only when asked, or a person has to.
#include <gmock/gmock.h>

#include "tests/convert/planted_models.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Result<Forecast> forecast_of(const std::shared_ptr<const Model>& model, Remedy::Kind kind,
                             const std::string& subject, const Configuration& configuration = {}) {
  return on_executor([&] { return forecast(model, configuration, {kind, "", subject}, {}, JobContext()); });
}

/// relu -> their.op -> exp, each in a module; what their.op makes is declared or not.
std::shared_ptr<const Model> one_foreign(bool declared) {
  Planter plant;
  const ValueId x = plant.input("x", sizes({4}));
  const ValueId made = plant.node("their.Wobble", {plant.node("Relu", {x}, {}, "first")}, {}, "wobble");
  if (declared) plant.editor().set_type(made, TypeInfo::tensor(ElementType::f32, sizes({4})));
  plant.output(plant.node("Exp", {made}, {}, "last"), "y");
  return plant.finish();
}

TEST(Forecasts, AreMadeOfWhatIsDoneOnlyWhenAsked) {
  const auto filter = forecast_of(data_filter(), Remedy::Kind::filter_to_topk, "/NonZero");
  ASSERT_TRUE(filter.ok()) << filter.error().text();
  EXPECT_EQ(filter->converted, 2);
  EXPECT_THAT(filter->modules, ElementsAre("", "body"));
  Configuration excluding;
  excluding.exclude = {"b"};
  const auto include = forecast_of(interleaved(), Remedy::Kind::include_module, "b", excluding);
  ASSERT_TRUE(include.ok()) << include.error().text();
  EXPECT_EQ(include->converted, 3);
}

TEST(Forecasts, AssumeWhatAPersonWouldDo) {
  const auto profile = forecast_of(open_size(), Remedy::Kind::give_profile, "x");
  ASSERT_TRUE(profile.ok()) << profile.error().text();
  EXPECT_EQ(profile->step.kind, Remedy::Kind::give_profile);
  EXPECT_EQ(profile->converted, 1);
  const auto library = forecast_of(one_foreign(true), Remedy::Kind::register_operator, "their.Wobble");
  ASSERT_TRUE(library.ok()) << library.error().text();
  EXPECT_THAT(library->modules, ElementsAre("", "first", "wobble", "last"));
  EXPECT_EQ(library->step.kind, Remedy::Kind::register_operator);
}

TEST(Forecasts, AreNotGuessed) {
  const auto undeclared = forecast_of(one_foreign(false), Remedy::Kind::register_operator, "their.Wobble");
  ASSERT_FALSE(undeclared.ok());
  EXPECT_THAT(undeclared.error().text(), testing::HasSubstr("no declared type"));
  EXPECT_FALSE(forecast_of(open_size(), Remedy::Kind::pad, "x").ok());  // it has no mask
}

TEST(Forecasts, OfAConversionCoverEveryRemedyOffered) {
  ConvertOptions options;
  options.look_ahead = true;
  const auto conversion = on_executor([&] { return convert(data_filter(), {}, options, JobContext()); });
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  ASSERT_THAT(conversion->forecasts, SizeIs(2));
  EXPECT_EQ(conversion->forecasts[0].step.kind, Remedy::Kind::cut_postprocessing);
  EXPECT_EQ(conversion->forecasts[1].step.kind, Remedy::Kind::filter_to_topk);
  EXPECT_EQ(conversion->forecasts[1].converted, conversion->total);
}

}  // namespace
}  // namespace lathe
