// SPDX-License-Identifier: Apache-2.0
// How remedies are worded, and what taking one makes of a configuration.
#include "gui/models/remedy_choices.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

Remedy pin(const char* input) {
  return {Remedy::Kind::pin_shapes, "Pin img to 1x3x8x8 (because): --shape img=1x3x8x8.", input,
          Shape{1, 3, 8, 8}};
}

TEST(RemedyChoices, OnlyWhatTheWindowCanDoHasAWay) {
  EXPECT_EQ(remedyWay(pin("img")), RemedyWay::Apply);
  EXPECT_EQ(remedyWay({Remedy::Kind::pin_shapes, "", "img"}), RemedyWay::Edit);
  EXPECT_EQ(remedyWay({Remedy::Kind::give_profile, "", "img"}), RemedyWay::Edit);
  EXPECT_EQ(remedyWay({Remedy::Kind::unroll_loop, "", "loop"}), RemedyWay::Apply);
  EXPECT_EQ(remedyWay({Remedy::Kind::filter_to_topk, "", "filter"}), RemedyWay::Apply);
  EXPECT_EQ(remedyWay({Remedy::Kind::include_module, "", "head"}), RemedyWay::Apply);
  EXPECT_EQ(remedyWay({Remedy::Kind::register_operator, "", "a.B"}), RemedyWay::Person);
  // There is no composition of it.
  EXPECT_EQ(remedyWay({Remedy::Kind::replace_operator, "", "a.B"}), RemedyWay::Person);
}

TEST(RemedyChoices, TextsSpeakOfTheWindowAndNotOfOptions) {
  EXPECT_EQ(remedyText(pin("img")), QStringLiteral("Pin img to 1x3x8x8 (because)."));
  EXPECT_EQ(stepText(stepOf(pin("img"))), QStringLiteral("Pin “img” to 1x3x8x8"));
  EXPECT_FALSE(
      remedyText({Remedy::Kind::register_operator, "x: --plugin y", "a.B"}).contains(QStringLiteral("--")));
}

TEST(RemedyChoices, ShapesAndExclusionsGoWhereThePanelHasThem) {
  Configuration configuration;
  configuration.dynamic_axes["img"][0] = {"batch", 1, 2, 4};
  configuration = withRemedy(configuration, pin("img"));
  EXPECT_EQ(configuration.input_shapes.at("img"), (Shape{1, 3, 8, 8}));
  EXPECT_TRUE(configuration.dynamic_axes.empty());
  configuration = withRemedy(configuration, {Remedy::Kind::keep_eager, "", "head"});
  EXPECT_EQ(configuration.exclude, std::vector<std::string>{"head"});
  configuration = withRemedy(configuration, {Remedy::Kind::include_module, "", "head"});
  EXPECT_TRUE(configuration.exclude.empty());
  EXPECT_TRUE(configuration.remedies.empty());
}

TEST(RemedyChoices, AnythingElseIsAStepOnce) {
  Configuration configuration;
  for (int twice = 0; twice < 2; ++twice)
    configuration = withRemedy(configuration, {Remedy::Kind::unroll_loop, "", "loop"});
  ASSERT_EQ(configuration.remedies.size(), 1U);
  EXPECT_EQ(configuration.remedies[0].subject, "loop");
  // What was taken unasked takes the place of the list.
  const std::vector<RemedyStep> taken{stepOf(pin("img")),
                                      configuration.remedies[0],
                                      {Remedy::Kind::cut_postprocessing, "", std::nullopt, std::nullopt}};
  configuration = withSteps(configuration, taken);
  ASSERT_EQ(configuration.remedies.size(), 2U);
  EXPECT_EQ(configuration.remedies[1].kind, Remedy::Kind::cut_postprocessing);
  EXPECT_EQ(configuration.input_shapes.at("img"), (Shape{1, 3, 8, 8}));
}

TEST(RemedyChoices, ForecastsAreToldWhereMoreConverts) {
  Document document;
  auto report = std::make_shared<ConvertReport>();
  report->conversion.converted = 2;
  report->conversion.total = 9;
  report->after.latency.p50 = 8e6;
  report->conversion.forecasts = {{stepOf(pin("img")), 9, 5e6}, {stepOf(pin("other")), 2, std::nullopt}};
  document.setConversion(report);
  EXPECT_EQ(forecastText(document, pin("img")),
            QStringLiteral("With it 9 of 9 modules convert, about 1.6 times as fast"));
  EXPECT_EQ(forecastText(document, pin("other")), QString());
  EXPECT_EQ(forecastText(document, pin("unknown")), QString());
  // The data set's shape is the one to pin.
  document.setForecasts(
      {{{Remedy::Kind::pin_shapes, "img", Shape{1, 3, 6, 6}, std::nullopt}, 9, std::nullopt}});
  EXPECT_EQ(withForecast(document, pin("img")).shape, (Shape{1, 3, 6, 6}));
  EXPECT_TRUE(remedyText(withForecast(document, pin("img"))).contains(QStringLiteral("1x3x6x6")));
}

TEST(RemedyChoices, UndoTellsThatARemedyIsToBeTriedAgain) {
  Document document;
  int restored = 0;
  QObject::connect(&document, &Document::remedyRestored, &document, [&] { ++restored; });
  document.editConfiguration(QStringLiteral("pin"), withRemedy({}, pin("img")), Document::Edit::Remedy);
  EXPECT_EQ(restored, 0);
  document.undoStack().undo();
  EXPECT_TRUE(document.configuration().input_shapes.empty());
  document.undoStack().redo();
  EXPECT_EQ(restored, 2);
  Configuration other = document.configuration();
  other.metric = "top1";
  document.editConfiguration(QStringLiteral("metric"), other);
  document.undoStack().undo();
  EXPECT_EQ(restored, 2);
}

}  // namespace
}  // namespace lathe
