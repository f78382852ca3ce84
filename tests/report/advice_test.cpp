// SPDX-License-Identifier: Apache-2.0
// Ranked next steps, from outcomes and times made by hand.
#include "profiler/report/advice.h"

#include <gmock/gmock.h>

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Advices : public testing::Test {
 protected:
  void SetUp() override {
    model_ = std::make_shared<Model>();
    conversion_.model = model_;
    conversion_.total = 4;
    data_.conversion = &conversion_;
    data_.active_runs = 1;
    data_.after.latency.p50 = 1e6;  // 1000 us
  }
  ModuleId module(const char* path) { return model_->modules.add(path); }
  void time(ModuleId id, double before_us, double after_us) {
    data_.before.modules[id].device_us = before_us;
    data_.after.modules[id].device_us = after_us;
  }
  void fail(ModuleId id, FailureCause cause, std::vector<Remedy> remedies) {
    ModuleOutcome outcome;
    outcome.module = id;
    outcome.status = ModuleStatus::failed;
    outcome.failure.emplace();
    outcome.failure->cause = cause;
    outcome.failure->remedies = std::move(remedies);
    conversion_.outcomes.push_back(std::move(outcome));
  }
  void succeed(ModuleId id) {
    ModuleOutcome outcome;
    outcome.module = id;
    outcome.status = ModuleStatus::success;
    conversion_.outcomes.push_back(std::move(outcome));
  }
  const Remedy pin_{Remedy::Kind::pin_shapes, "Pin the shape of 'x'.", "x"};
  const Remedy keep_{Remedy::Kind::keep_eager, "Keep this module eager.", "m"};

  std::shared_ptr<Model> model_;
  Conversion conversion_;
  ReportData data_;
};

TEST_F(Advices, NothingFailedNothingToDo) {
  succeed(ModuleTree::root());
  EXPECT_TRUE(advise(data_).empty());
}

TEST_F(Advices, MostTimeFirstWithTheSpeedUpThatEnginesHadElsewhere) {
  const ModuleId a = module("a"), b = module("b"), c = module("c");
  time(a, 400, 100);  // an engine, 4 times as fast
  time(b, 500, 600);
  time(c, 100, 100);
  succeed(a);
  fail(c, FailureCause::unsupported_operator,
       {{Remedy::Kind::replace_operator, "Replace Foo.", "Foo"}, keep_});
  fail(ModuleTree::root(), FailureCause::dynamic_shape, {keep_, pin_});
  fail(b, FailureCause::dynamic_shape, {pin_, keep_});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].cause, FailureCause::dynamic_shape);
  EXPECT_THAT(list[0].modules, ElementsAre("", "b"));
  EXPECT_DOUBLE_EQ(list[0].share, 0.5);
  // 1000 us, of which 600 become 150.
  ASSERT_TRUE(list[0].speedup.has_value());
  EXPECT_NEAR(*list[0].speedup, 1000.0 / 550.0, 1e-12);
  EXPECT_EQ(list[0].text(),
            "Pin the shape of 'x': concerns 2 of 4 modules, 50 % of the eager run's time, about 1.82x "
            "(estimated from 4.00x where engines run)");
  EXPECT_EQ(list[1].remedy.subject, "Foo");
}

TEST_F(Advices, ModulesUnderAnEngineAreCountedWithIt) {
  const ModuleId a = module("a"), inner = module("a.inner"), b = module("b");
  time(a, 400, 100);  // its own time and that of a.inner
  time(inner, 300, 0);
  time(b, 400, 400);
  succeed(a);
  fail(b, FailureCause::dynamic_shape, {pin_});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_DOUBLE_EQ(list[0].share, 0.5);
  ASSERT_TRUE(list[0].engine_gain.has_value());
  EXPECT_DOUBLE_EQ(*list[0].engine_gain, 4);
}

TEST_F(Advices, NoGainIsMadeUpWhereNothingConverted) {
  const ModuleId a = module("a");
  time(a, 100, 100);
  fail(a, FailureCause::dynamic_shape, {pin_});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_FALSE(list[0].speedup.has_value());
  EXPECT_THAT(list[0].text(), HasSubstr("gain not known"));
}

TEST_F(Advices, OtherRemediesComeWithWhatTheyWouldBring) {
  const ModuleId a = module("a"), b = module("b"), c = module("c");
  time(a, 400, 100);
  time(b, 500, 400);
  time(c, 100, 200);
  succeed(a);
  const Remedy cut{Remedy::Kind::cut_postprocessing, "Cut.", ""};
  const Remedy filter{Remedy::Kind::filter_to_topk, "Filter.", "n"};
  const Remedy approximate{Remedy::Kind::approximate_operator, "Approximate Foo.", "Foo"};
  fail(b, FailureCause::data_dependent_shape, {cut, filter, approximate, keep_});
  fail(c, FailureCause::data_dependent_shape, {cut, filter, keep_});
  conversion_.forecasts.push_back(
      {{filter.kind, filter.subject, std::nullopt, std::nullopt}, 3, std::nullopt, {"a", "b"}});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 1U);
  ASSERT_EQ(list[0].others.size(), 2U);  // each once, keeping eager not at all
  EXPECT_EQ(list[0].others[0].converted, 3);
  // 1000 us, of which the 400 of b become 100.
  ASSERT_TRUE(list[0].others[0].speedup.has_value());
  EXPECT_NEAR(*list[0].others[0].speedup, 1000.0 / 700.0, 1e-12);
  EXPECT_EQ(list[0].others[0].text(4), "Filter: 3 of 4 modules convert with it, about 1.43x (estimated)");
  EXPECT_EQ(list[0].others[1].text(4), "Approximate Foo: gain not known");
}

/// Nothing converted, but one remedy was tried for real: the others are estimated by what it brought.
TEST_F(Advices, WhatOneRemedyBroughtTellsWhatOthersMight) {
  const ModuleId a = module("a"), b = module("b");
  time(a, 500, 500);
  time(b, 500, 500);
  const Remedy pad{Remedy::Kind::pad, "Pad x.", "x"};
  fail(a, FailureCause::dynamic_shape, {pin_, pad});
  fail(b, FailureCause::dynamic_shape, {pin_, pad});
  conversion_.forecasts.push_back({{pin_.kind, "x", std::nullopt, std::nullopt}, 2, 250e3, {"a", "b"}});
  conversion_.forecasts.push_back({{pad.kind, "x", std::nullopt, std::nullopt}, 1, std::nullopt, {"a"}});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_TRUE(list[0].measured);
  EXPECT_DOUBLE_EQ(*list[0].speedup, 4);
  ASSERT_EQ(list[0].others.size(), 1U);
  EXPECT_FALSE(list[0].others[0].measured);
  EXPECT_NEAR(*list[0].others[0].speedup, 1000.0 / 625.0, 1e-12);
}

TEST_F(Advices, KeepingEagerGainsNothingAndExclusionIsNoFailure) {
  const ModuleId a = module("a"), b = module("b"), c = module("c");
  time(a, 400, 100);
  time(b, 100, 100);
  succeed(a);
  fail(b, FailureCause::data_dependent_control_flow, {keep_});
  fail(c, FailureCause::excluded, {{Remedy::Kind::include_module, "Include.", "c"}});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_FALSE(list[0].speedup.has_value());
  EXPECT_THAT(list[0].text(), Not(HasSubstr("x (")));
}

}  // namespace
}  // namespace lathe
