// SPDX-License-Identifier: Apache-2.0
// What the reports say of remedies that were taken, of engines after merging, and of what a remedy would
// bring.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "profiler/report/advice.h"
#include "profiler/report/report_data.h"

namespace lathe {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class RemedyReports : public testing::Test {
 protected:
  void SetUp() override {
    auto model = std::make_shared<Model>();
    GraphEditor editor(model->graph);
    ValueId at = editor.add_input("x", TypeInfo::tensor(ElementType::f32, to_dims(Shape{4})));
    for (const char* module : {"a", "", "b"}) {
      Node node;
      node.name = std::string(module) + "/Relu";
      node.op_type = "Relu";
      node.version = 17;
      node.inputs = {at};
      node.module = model->modules.add(module);
      at = editor.add_value(node.name + "_output");
      node.outputs = {at};
      const NodeId id = editor.add_node(std::move(node));
      model->modules.edit(model->graph.node(id).module).nodes.push_back(id);
    }
    editor.add_output(at);
    conversion_.model = model;
    Configuration configuration;
    configuration.exclude = {};
    auto made = convert(model, configuration, ConvertOptions{true}, JobContext());
    ASSERT_TRUE(made.ok()) << made.error().text();
    conversion_ = std::move(made).value();
    data_.conversion = &conversion_;
    data_.before.latency = distribution({4'000'000, 4'000'000, 4'000'000});
    data_.after.latency = distribution({3'000'000, 3'000'000, 3'000'000});
  }
  Conversion conversion_;
  ReportData data_;
};

TEST_F(RemedyReports, NothingTakenNothingSaid) {
  const json report = json::parse(report_json(data_));
  EXPECT_EQ(report["remedies_applied"], json::array());
  EXPECT_THAT(workflow_report_text(data_), Not(HasSubstr("Remedies applied")));
}

TEST_F(RemedyReports, RemediesAreListedWithWhatTheyDid) {
  conversion_.remedies.push_back(
      {{Remedy::Kind::pin_shapes, "img", Shape{1, 3}, std::nullopt}, "pinned img to 1x3", 0.0});
  conversion_.remedies.push_back(
      {{Remedy::Kind::filter_to_topk, "n", std::nullopt, 7}, "filters with 'n' into 7 rows", std::nullopt});
  conversion_.remedies.push_back(
      {{Remedy::Kind::replace_operator, "a.B", std::nullopt, std::nullopt}, "replaced", 2e-5});
  const json applied = json::parse(report_json(data_))["remedies_applied"];
  ASSERT_EQ(applied.size(), 3U);
  EXPECT_EQ(applied[0], (json{{"kind", "pin_shapes"},
                              {"subject", "img"},
                              {"text", "pinned img to 1x3"},
                              {"loss", 0.0},
                              {"shape", {1, 3}}}));
  EXPECT_TRUE(applied[1]["loss"].is_null());
  EXPECT_EQ(applied[1]["count"], 7);
  EXPECT_EQ(applied[2]["loss"], 2e-5);
  const std::string text = workflow_report_text(data_);
  EXPECT_THAT(text, HasSubstr("Remedies applied\n  pinned img to 1x3; outputs are the same\n"));
  EXPECT_THAT(text, HasSubstr("outputs differ by at most 2.0e-05"));
}

TEST_F(RemedyReports, EnginesAreCountedAfterMergingModulesBefore) {
  // Two modules on their own, in one engine with what stands between them.
  for (ModuleOutcome& outcome : conversion_.outcomes) {
    outcome.status = outcome.module == ModuleTree::root() ? ModuleStatus::failed : ModuleStatus::success;
    if (outcome.status == ModuleStatus::success) outcome.engine = 0;
  }
  conversion_.engines = conversion_.converted = 2;
  const json report = json::parse(report_json(data_));
  EXPECT_EQ(report["num_modules"], 2);
  EXPECT_EQ(report["num_engines"], 1);
  ASSERT_EQ(report["engines"].size(), 1U);
  EXPECT_EQ(report["engines"][0]["modules"], (json{"a", "b"}));
  EXPECT_EQ(report["engines"][0]["nodes"].size(), 3U);
  EXPECT_EQ(json::parse(workflow_report_json(data_))["num_modules"], 2);
  EXPECT_THAT(workflow_report_text(data_), HasSubstr("Engines: 1 after merging"));
}

TEST_F(RemedyReports, AdviceSaysHowMuchWouldConvertAndWhatWasMeasured) {
  ModuleOutcome& root = conversion_.outcomes.front();
  root.status = ModuleStatus::failed;
  root.failure.emplace();
  root.failure->cause = FailureCause::dynamic_shape;
  root.failure->remedies.push_back({Remedy::Kind::pin_shapes, "Pin x to 4.", "x", Shape{4}});
  conversion_.forecasts.push_back({{Remedy::Kind::pin_shapes, "x", Shape{4}, std::nullopt}, 3, 1.5e6});
  const std::vector<Advice> list = advise(data_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_THAT(list[0].text(), HasSubstr("Pin x to 4: 3 of 3 modules convert with it; concerns 1 of 3"));
  EXPECT_THAT(list[0].text(), HasSubstr("2.00x as measured"));
  const json advice = json::parse(report_json(data_))["advise"][0];
  EXPECT_EQ(advice["converted"], 3);
  EXPECT_EQ(advice["estimated"], false);
}

}  // namespace
}  // namespace lathe
