// SPDX-License-Identifier: Apache-2.0
// The files and the text of a conversion, from a dry one of a real model with made-up times.
#include <gmock/gmock.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/formats/onnx/onnx.h"
#include "profiler/report/precision_summary.h"
#include "profiler/report/report_data.h"

namespace lathe {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Reports : public testing::Test {
 protected:
  void SetUp() override {
    auto model = import_onnx(LATHE_SOURCE_DIR
                             "/resources/examples/digits_detr_anysize/digits_detr_anysize_script17.onnx");
    ASSERT_TRUE(model.ok()) << model.error().text();
    auto configuration = parse_configuration("{}", (*model)->modules, "config.json");
    ASSERT_TRUE(configuration.ok());
    auto made = convert(*model, *configuration, ConvertOptions{true}, JobContext());
    ASSERT_TRUE(made.ok()) << made.error().text();
    conversion_ = std::move(made).value();
    data_.conversion = &conversion_;
    data_.lathe_version = "0.0";
    data_.cpu = "a \"quoted\" cpu";
    data_.before.latency = distribution({10'000'000, 10'100'000, 10'200'000, 10'300'000, 10'400'000});
    data_.after.latency = distribution({5'000'000, 5'100'000, 5'200'000, 5'300'000, 5'400'000});
  }

  Conversion conversion_;
  ReportData data_;
};

TEST_F(Reports, WorkflowReportHasTheKnownFields) {
  data_.before.accuracy = {{"AP", 0.5}};
  data_.after.accuracy = {{"AP", std::numeric_limits<double>::quiet_NaN()}};
  const json report = json::parse(workflow_report_json(data_));
  EXPECT_EQ(report["conversion_rate"], (json{0, 92}));
  EXPECT_EQ(report["num_modules"], 0);
  EXPECT_EQ(report["performance"]["latency"], "5.20 ms");
  EXPECT_EQ(report["non_converted_performance"]["latency"], "10.20 ms");
  EXPECT_EQ(report["non_converted_performance"]["accuracy"]["AP"], 0.5);
}

TEST_F(Reports, EveryFailedModuleHasAnEntryWithItsCause) {
  const json entries = json::parse(conversion_report_json(data_));
  EXPECT_EQ(entries.size(), 92U);
  EXPECT_EQ(entries[""]["cause"], "dynamic_shape");
  for (const auto& [path, entry] : entries.items()) {
    EXPECT_EQ(entry["status"], "failed") << path;
    EXPECT_FALSE(entry["traceback"].get<std::string>().empty()) << path;
  }
}

TEST_F(Reports, PrecisionsAreCountedAndReasonsGrouped) {
  EXPECT_EQ(precision_summary(conversion_).text(), "");
  EXPECT_EQ(json::parse(report_json(data_))["precision_map"], json::array());
  EXPECT_THAT(report_html(data_), Not(HasSubstr("<h2>Precision</h2>")));
  const auto add = [&](const char* node, ElementType type, const char* reason, bool inserted = false) {
    conversion_.precision.nodes.push_back(
        {node, {}, ModuleTree::root(), "Op", type, "rule", reason, inserted});
  };
  add("a", ElementType::bf16, "asked");
  add("b", ElementType::f32, "is <long>");
  add("c", ElementType::f32, "is an angle");
  add("d", ElementType::f32, "is an angle");
  add("cast", ElementType::bf16, "for 'a'", true);
  const PrecisionSummary summary = precision_summary(conversion_);
  EXPECT_EQ(summary.text(), "bf16 in 1 of 4 nodes, 1 cast");
  ASSERT_EQ(summary.kept.size(), 2U);
  EXPECT_EQ(summary.kept[0].reason, "is an angle");
  EXPECT_EQ(summary.kept[0].nodes, 2U);
  EXPECT_EQ(summary.kept[0].example, "c");
  EXPECT_THAT(workflow_report_text(data_), HasSubstr("Precision: bf16 in 1 of 4 nodes, 1 cast\n"));
  EXPECT_THAT(workflow_report_text(data_), HasSubstr("    2  is an angle\n"));
  EXPECT_THAT(report_html(data_), HasSubstr("is &lt;long&gt;"));
  const json map = json::parse(report_json(data_))["precision_map"];
  ASSERT_EQ(map.size(), 5U);
  EXPECT_EQ(map[4]["inserted"], true);
  EXPECT_EQ(map[4]["precision"], "bf16");
}

TEST_F(Reports, StatisticsGroupByClassStatusAndError) {
  size_t modules = 0;
  for (const StatisticsRow& row : statistics_rows(data_)) {
    EXPECT_EQ(row.status, "failed");
    EXPECT_EQ(row.errors, static_cast<int>(row.modules.size()));
    modules += row.modules.size();
  }
  EXPECT_EQ(modules, 92U);
  EXPECT_THAT(statistics_csv(data_), HasSubstr("used_named_modules"));
}

TEST_F(Reports, TheWholeReportParsesAndKeepsNumbersAsNumbers) {
  const json report = json::parse(report_json(data_));
  EXPECT_EQ(report["modules"].size(), 92U);
  EXPECT_EQ(report["machine"]["cpu"], "a \"quoted\" cpu");
  EXPECT_DOUBLE_EQ(report["after"]["latency"]["p50_ms"].get<double>(), 5.2);
}

TEST_F(Reports, ThePageEscapesWhatItShows) {
  data_.cpu = "<script>alert(1)</script>";
  const std::string page = report_html(data_);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert(1)")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)"));
}

TEST_F(Reports, TheTextSaysWhatToDo) {
  const std::string text = workflow_report_text(data_);
  EXPECT_THAT(text, HasSubstr("Conversion Rate: 0/92"));
  EXPECT_THAT(text, HasSubstr("Latency: 5.20 ms (eager 10.20 ms, 1.96x)"));
  EXPECT_THAT(text, HasSubstr("What to do\n  "));
  EXPECT_THAT(text, HasSubstr("img"));
  EXPECT_THAT(text, Not(HasSubstr("Note:")));
}

/// Five borders: where it first goes wrong, and where it loses most, are told and shown.
TEST_F(Reports, AccuracyByModuleIsToldInEveryForm) {
  EXPECT_THAT(workflow_report_text(data_), Not(HasSubstr("Accuracy by module")));
  EXPECT_TRUE(json::parse(report_json(data_))["module_accuracy"].is_null());
  data_.module_accuracy.samples = 3;
  data_.module_accuracy.data = "d.npz";
  data_.module_accuracy.borders = {{"stem", "s", true, 55.5, 200, 1, 0.001},
                                   {"layer.conv", "c", true, 15.25, 55.5, 0.9, 0.5},
                                   {"layer", "c", false, 15.25, 55.5, 0.9, 0.5},
                                   {"", "y", true, 15, 15.25, 0.9, 0.75}};
  data_.module_accuracy.first_wrong = data_.module_accuracy.steepest = 1;
  const std::string text = workflow_report_text(data_);
  EXPECT_THAT(text, HasSubstr("Accuracy by module (fp32 and converted side by side, 3 samples of d.npz)"));
  EXPECT_THAT(text, HasSubstr("It first goes wrong at 'layer.conv' (tensor 'c'): 15.2 dB"));
  EXPECT_THAT(text, HasSubstr("Most is lost inside 'layer.conv' (tensor 'c'): from 55.5 dB to 15.2 dB"));
  EXPECT_THAT(text, HasSubstr("    15.2      55.5  0.900000         0.5  layer.conv\n"));
  const json entry = json::parse(report_json(data_))["module_accuracy"];
  EXPECT_EQ(entry["first_wrong"], 1);
  EXPECT_EQ(entry["borders"].size(), 4U);
  EXPECT_EQ(entry["borders"][1]["snr_db"], 15.25);
  EXPECT_EQ(entry["borders"][2]["own"], false);
  EXPECT_EQ(json::parse(report_json(data_))["modules"][0]["snr_db"], 15) << "of the model's output";
  const std::string page = report_html(data_);
  EXPECT_THAT(page, HasSubstr("id=\"module-accuracy\""));
  EXPECT_THAT(page, HasSubstr("first goes wrong here"));
}

TEST_F(Reports, DisturbedTimesAreCalledSo) {
  data_.before.latency = distribution({10'000'000, 10'000'000, 10'000'000, 900'000'000, 900'000'000});
  const std::string text = workflow_report_text(data_);
  EXPECT_THAT(text, HasSubstr("Note: single runs of the eager model took 10.00 to 900.00 ms"));
  EXPECT_THAT(text, Not(HasSubstr("converted model took")));
}

}  // namespace
}  // namespace lathe
