// SPDX-License-Identifier: Apache-2.0
// Weights in fewer bits, from the configuration to the file that is written.
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/convert/convert.h"
#include "engine/convert/precision_settings.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/runtime/executor_thread.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ModuleTree small_tree() {
  ModuleTree tree;
  for (const char* path : {"encoder", "encoder.layers", "head"}) tree.add(path);
  return tree;
}

Result<WeightsRequest> request_of(const std::string& settings) {
  const ModuleTree tree = small_tree();
  LATHE_ASSIGN(const Configuration configuration, parse_configuration(settings, tree, "config.json"));
  const auto again = parse_configuration(to_json(configuration), tree, "again");
  EXPECT_TRUE(again.ok() && to_json(*again) == to_json(configuration)) << to_json(configuration);
  return weights_request(configuration, tree);
}

TEST(WeightSettings, ChildrenInheritAndMayOptOut) {
  const auto request = request_of(
      R"({"weights": "int4", "block_size": 64, "encoder": {"weights": "int8"}, "encoder.layers": {"weights": null},
          "exclude": ["head"]})");
  ASSERT_TRUE(request.ok()) << request.error().text();
  std::vector<WeightForm> forms;
  for (const WeightWish& wish : request->modules) forms.push_back(wish.form);
  EXPECT_THAT(forms, ElementsAre(WeightForm::int4, WeightForm::int8, WeightForm::full, WeightForm::full));
  EXPECT_EQ(request->modules[0].block_size, 64);
  EXPECT_EQ(request_of(R"({"weights": "int4"})")->modules[0].block_size, 32);
  EXPECT_FALSE(request_of("{}")->asks());
}

TEST(WeightSettings, WrongValuesNameTheNearest) {
  const auto form = request_of(R"({"encoder": {"weights": "int44"}})");
  ASSERT_FALSE(form.ok());
  EXPECT_THAT(form.error().text(),
              HasSubstr("module 'encoder': 'weights' should be \"int8\", \"int4\" or null"));
  EXPECT_THAT(form.error().hints, ElementsAre("did you mean 'int4'?"));
  for (const char* block : {"8", "48", "512", "\"32\"", "32.5"})
    EXPECT_FALSE(request_of(R"({"weights": "int4", "block_size": )" + std::string(block) + "}").ok())
        << block;
  EXPECT_THAT(request_of(R"({"weight": "int4"})").error().hints, ElementsAre("did you mean 'weights'?"));
}

TEST(WeightSettings, OtherPrecisionsOfTheSameModuleAreRefused) {
  for (const char* other : {"fp16", "bf16", "int8"}) {
    const auto request =
        request_of(R"({")" + std::string(other) + R"(": true, "encoder": {"weights": "int8"}})");
    ASSERT_FALSE(request.ok()) << other;
    EXPECT_THAT(request.error().text(), HasSubstr("module 'encoder'"));
    EXPECT_THAT(request.error().text(), HasSubstr(other));
  }
  EXPECT_TRUE(request_of(R"({"head": {"fp16": true}, "encoder": {"weights": "int8"}})").ok());
  EXPECT_THAT(request_of(R"({"weights": "int8", "block_size": 64})").error().text(), HasSubstr("int4"));
}

TEST(WeightConversion, TheFileHoldsWhatTheEngineRan) {
  const std::filesystem::path file =
      std::filesystem::path(LATHE_SOURCE_DIR) /
      "resources/examples/digits_detr_anysize/digits_detr_anysize_script17.onnx";
  const auto model = import_onnx(file);
  ASSERT_TRUE(model.ok()) << model.error().text();
  const TemporaryFolder folder;
  for (const char* form : {"int8", "int4"}) {
    const auto configuration = parse_configuration(
        R"({"weights": ")" + std::string(form) + R"(", "input_shapes": {"img": [1, 3, 96, 96]}})",
        (*model)->modules, "config.json");
    ASSERT_TRUE(configuration.ok()) << configuration.error().text();
    const auto conversion =
        on_executor([&] { return convert(*model, *configuration, ConvertOptions{}, JobContext()); });
    ASSERT_TRUE(conversion.ok()) << conversion.error().text();
    EXPECT_EQ(conversion->converted, conversion->total);
    size_t stored = 0;
    for (const NodePrecision& row : conversion->precision.nodes)
      stored += row.rule == "weights" && !row.inserted;
    EXPECT_GE(stored, 8U);
    const auto written = folder / (std::string(form) + ".onnx");
    ASSERT_TRUE(export_onnx(*conversion->model, written, {}).ok());
    const auto read = import_onnx(written);
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_EQ((*read)->opsets.contains("com.microsoft"), std::string(form) == "int4");
    EXPECT_EQ((*read)->graph.node_count(), conversion->model->graph.node_count());
    EXPECT_LT(std::filesystem::file_size(written), std::filesystem::file_size(file));
  }
}

TEST(WeightConversion, OtherModulesMayBeInOtherPrecisions) {
  const auto model = import_onnx(std::filesystem::path(LATHE_SOURCE_DIR) /
                                 "resources/examples/digits_detr_anysize/digits_detr_anysize_script17.onnx");
  ASSERT_TRUE(model.ok()) << model.error().text();
  const auto configuration = parse_configuration(
      R"({"input_shapes": {"img": [1, 3, 96, 96]}, "detr.transformer.encoder": {"weights": "int4"},
          "detr.transformer.decoder": {"fp16": true}})",
      (*model)->modules, "config.json");
  ASSERT_TRUE(configuration.ok()) << configuration.error().text();
  const auto conversion =
      on_executor([&] { return convert(*model, *configuration, ConvertOptions{true}, JobContext()); });
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  const ModuleTree& tree = conversion->model->modules;
  const ModuleId encoder = *tree.find("detr.transformer.encoder"),
                 decoder = *tree.find("detr.transformer.decoder");
  size_t stored = 0, narrow = 0;
  for (const NodePrecision& row : conversion->precision.nodes) {
    EXPECT_EQ(conversion->model->graph.node(row.id).name, row.node);
    const bool in_int4 = row.rule == "weights", in_f16 = row.precision == ElementType::f16;
    EXPECT_TRUE(!in_int4 || tree.contains(encoder, row.module)) << row.node;
    EXPECT_TRUE(!in_f16 || row.reason.find("fewer bits") == std::string::npos) << row.reason;
    stored += in_int4;
    narrow += in_f16 && tree.contains(decoder, row.module);
  }
  EXPECT_GE(stored, 8U);
  EXPECT_GE(narrow, 50U);
}

}  // namespace
}  // namespace lathe
