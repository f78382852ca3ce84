// SPDX-License-Identifier: Apache-2.0
// report.json against its published schema, in which every key must stand.
#include <fstream>
#include <gmock/gmock.h>

#include "engine/formats/onnx/onnx.h"
#include "profiler/report/report_data.h"
#include "tests/report/json_schema.h"

namespace lathe {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json read_schema() {
  std::ifstream file(LATHE_SOURCE_DIR "/resources/schemas/report.schema.json");
  return json::parse(file);
}

class ReportSchema : public testing::Test {
 protected:
  void SetUp() override {
    auto model = import_onnx(LATHE_SOURCE_DIR
                             "/resources/examples/digits_detr_anysize/digits_detr_anysize_script17.onnx");
    ASSERT_TRUE(model.ok()) << model.error().text();
    auto configuration =
        parse_configuration(R"({"exclude": ["detr.backbone"]})", (*model)->modules, "config.json");
    ASSERT_TRUE(configuration.ok()) << configuration.error().text();
    auto made = convert(*model, *configuration, ConvertOptions{true}, JobContext());
    ASSERT_TRUE(made.ok()) << made.error().text();
    conversion_ = std::move(made).value();
    data_.conversion = &conversion_;
    data_.before.latency = distribution({10'000'000, 10'400'000});
    data_.after.latency = distribution({5'000'000, 5'400'000});
    data_.after.accuracy["AP"] = 0.5;
    data_.after.balance.latency_ns = 5e6;
    data_.after.balance.parts = {{"engine steps", 4e6, 10}};
    data_.before.modules[ModuleTree::root()] = {10, 20, 1, 1};
    PrecisionReport& precision = conversion_.precision;
    precision.nodes.push_back(
        {"a", {}, ModuleTree::root(), "Op", ElementType::i8, "product", "asked", false});
    precision.calibrator = "mse";
    precision.calibrators.push_back({"mse", 30.5, 0.9});
    data_.module_accuracy.samples = 2;
    data_.module_accuracy.data = "d.npz";
    data_.module_accuracy.borders = {{"detr", "t", true, 12.5, 40, 0.99, 0.25}};
    data_.module_accuracy.first_wrong = 0;
    precision.ranking.push_back({ModuleTree::root(), 21.5, 1000, true});
    conversion_.partition.pieces.push_back({"", ModuleTree::root(), {}});
    conversion_.notes.push_back({Severity::note, "code", "", "a note", "", {}});
  }

  Conversion conversion_;
  ReportData data_;
};

TEST_F(ReportSchema, TheReportIsAsPublishedAndNothingInItIsUnpublished) {
  EXPECT_THAT(schema_errors(read_schema(), json::parse(report_json(data_)), true), IsEmpty());
}

TEST_F(ReportSchema, DamageIsSeen) {
  const json schema = read_schema(), good = json::parse(report_json(data_));
  const auto errors = [&](const char* pointer, const json& value) {
    json bad = good;
    bad[json::json_pointer(pointer)] = value;
    return schema_errors(schema, bad, true);
  };
  EXPECT_THAT(errors("/schema_version", 2), ElementsAre(HasSubstr("/schema_version: is not 1")));
  EXPECT_THAT(errors("/modules/0/status", "done"), ElementsAre(HasSubstr("not one of")));
  EXPECT_THAT(errors("/modules/0/failure/evidence", "text"),
              ElementsAre(HasSubstr("is string, not \"array\"")));
  EXPECT_THAT(errors("/before/latency/p50_ms", -1), ElementsAre(HasSubstr("is below 0")));
  EXPECT_THAT(errors("/conversion_rate", {1, 2, 3}), ElementsAre(HasSubstr("too many items")));
  EXPECT_THAT(errors("/machine/extra", 1), ElementsAre(HasSubstr("is not in the schema")));
  json bad = good;
  bad.erase("after");
  EXPECT_THAT(schema_errors(schema, bad, true), ElementsAre("/: misses \"after\""));
}

TEST(JsonSchema, KeywordsThatAreNotUnderstoodAreErrors) {
  EXPECT_THAT(schema_errors(json{{"pattern", "x"}}, "x", false),
              ElementsAre(HasSubstr("keyword 'pattern' is not understood")));
}

}  // namespace
}  // namespace lathe
