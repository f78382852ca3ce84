// SPDX-License-Identifier: Apache-2.0
// Conversions of real models: what converts, what does not, and what the report says about it.
#include "engine/convert/convert.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "engine/formats/onnx/onnx.h"
#include "engine/runtime/executor_thread.h"

namespace lathe {
namespace {

std::filesystem::path examples() {
  return std::filesystem::path(LATHE_SOURCE_DIR) / "resources/examples";
}

/// A model of the larger collection; empty when it is not on this machine.
std::filesystem::path larger_model(const std::string& name) {
  const char* set = std::getenv("LATHE_MODELS");
  const char* home = std::getenv("HOME");
  const std::filesystem::path folder =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(home != nullptr ? home : ".") / ".cache/lathe/models";
  const std::filesystem::path file = folder / (name + ".onnx");
  return std::filesystem::exists(file) ? file : std::filesystem::path();
}

Result<Conversion> convert_file(const std::filesystem::path& file, const std::string& settings, bool dry) {
  LATHE_ASSIGN(std::shared_ptr<const Model> model, import_onnx(file));
  LATHE_ASSIGN(const Configuration configuration,
               parse_configuration(settings, model->modules, "config.json"));
  return on_executor([&] { return convert(model, configuration, ConvertOptions{dry}, JobContext()); });
}

const ModuleOutcome& outcome(const Conversion& conversion, const std::string& path) {
  return *conversion.find(*conversion.model->modules.find(path));
}

const std::filesystem::path anysize = "digits_detr_anysize/digits_detr_anysize_script17.onnx";

TEST(Convert, OpenSizesAreRefusedWithTheInputThatLeavesThemOpen) {
  const auto conversion = convert_file(examples() / anysize, "{}", true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, 0);
  EXPECT_EQ(conversion->total, 92);
  const ModuleOutcome& root = outcome(*conversion, "");
  ASSERT_TRUE(root.failure.has_value());
  EXPECT_EQ(root.failure->cause, FailureCause::dynamic_shape);
  EXPECT_NE(root.failure->traceback().find("img"), std::string::npos) << root.failure->traceback();
  EXPECT_FALSE(root.failure->remedies.empty());
}

ElementType precision_of(const Conversion& conversion, const std::string& node) {
  for (const NodePrecision& each : conversion.precision.nodes)
    if (each.node == node) return each.precision;
  return ElementType::undefined;
}

TEST(Convert, EachModuleHasThePrecisionItSetsOrInherits) {
  const auto conversion = convert_file(examples() / anysize,
                                       R"({"input_shapes": {"img": [1, 3, 96, 96]}, "bf16": true,
                                           "detr.transformer.encoder": {"bf16": false},
                                           "detr.transformer.encoder.0": {"fp16": true}})",
                                       true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, 92);
  EXPECT_EQ(outcome(*conversion, "").precision, "bf16");
  EXPECT_EQ(outcome(*conversion, "detr.transformer.decoder").precision, "bf16");
  EXPECT_EQ(outcome(*conversion, "detr.transformer.encoder.0").precision, "f16");
  EXPECT_EQ(outcome(*conversion, "detr.transformer.encoder.1").precision, "f32");
}

TEST(Convert, WhatStaysEagerStaysInFp32) {
  const auto conversion = convert_file(examples() / anysize,
                                       R"({"input_shapes": {"img": [1, 3, 96, 96]}, "fp16": true,
                                           "rt_mode": "onnx", "auto": true, "exclude": ["detr.backbone"]})",
                                       true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(outcome(*conversion, "detr.backbone").precision, "f32");
  EXPECT_EQ(outcome(*conversion, "detr.transformer").precision, "f16");
  EXPECT_EQ(outcome(*conversion, "detr.backbone").status, ModuleStatus::ignored);
  std::vector<bool> inside(conversion->model->graph.nodes().size(), false);
  for (const Partition::Piece& piece : conversion->partition.pieces)
    for (const NodeId id : piece.nodes) inside[id.index] = true;
  for (const Node& node : conversion->model->graph.nodes()) {
    const ElementType type = precision_of(*conversion, node.name);
    if (node.alive && node.op_type != "Cast" && !inside[node.id.index]) {
      EXPECT_TRUE(type == ElementType::f32 || type == ElementType::undefined) << node.name;
    }
  }
}

TEST(Convert, PrecisionsThatContradictAreRefused) {
  const auto both =
      convert_file(examples() / anysize, R"({"detr.transformer": {"fp16": true, "bf16": true}})", true);
  ASSERT_FALSE(both.ok());
  EXPECT_EQ(both.error().kind, ErrorKind::usage);
  EXPECT_NE(both.error().text().find("transformer"), std::string::npos);
  const auto mixed = convert_file(
      examples() / anysize, R"({"int8": true, "detr.transformer": {"int8": false, "bf16": true}})", true);
  EXPECT_TRUE(mixed.ok());  // 8 bit here, bf16 there
  const auto no_data = convert_file(examples() / anysize, R"({"int8": true})", false);
  ASSERT_FALSE(no_data.ok());
  EXPECT_NE(no_data.error().text().find("calibration"), std::string::npos);
}

TEST(Convert, PinnedShapesMakeOneEngine) {
  const auto conversion =
      convert_file(examples() / anysize, R"({"input_shapes": {"img": [1, 3, 96, 96]}})", false);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, 92);
  EXPECT_EQ(conversion->engines, 1);
  EXPECT_EQ(outcome(*conversion, "").status, ModuleStatus::success);
}

TEST(Convert, AnExcludedModuleStaysEagerAndItsSiblingsBecomeEngines) {
  const auto conversion = convert_file(
      examples() / anysize,
      R"({"input_shapes": {"img": [1, 3, 96, 96]}, "exclude": ["detr.transformer.decoder.1"]})", true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  const ModuleTree& tree = conversion->model->modules;
  const auto excluded = tree.find("detr.transformer.decoder.1");
  ASSERT_TRUE(excluded.has_value());
  EXPECT_EQ(conversion->find(*excluded)->status, ModuleStatus::ignored);
  for (const char* above : {"", "detr", "detr.transformer", "detr.transformer.decoder"}) {
    EXPECT_EQ(outcome(*conversion, above).status, ModuleStatus::failed) << above;
    EXPECT_EQ(outcome(*conversion, above).failure->cause, FailureCause::excluded) << above;
  }
  EXPECT_EQ(outcome(*conversion, "detr.transformer.decoder.0").status, ModuleStatus::success);
}

TEST(Convert, AnUnknownExcludedModuleIsAnErrorThatNamesTheNearest) {
  const auto conversion = convert_file(examples() / anysize, R"({"exclude": ["detr.transformr"]})", true);
  ASSERT_FALSE(conversion.ok());
  EXPECT_EQ(conversion.error().hints, std::vector<std::string>{"did you mean 'detr.transformer'?"});
}

TEST(Convert, ShapesThatDependOnDataKeepTheirModuleEagerAndConvertTheRest) {
  const auto file = larger_model("digits_detr_filtered_script17");
  if (file.empty()) GTEST_SKIP() << "digits_detr_filtered_script17.onnx is not on this machine";
  const auto conversion = convert_file(file, "{}", true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, 91);
  EXPECT_EQ(conversion->total, 92);
  const ModuleOutcome& root = outcome(*conversion, "");
  ASSERT_TRUE(root.failure.has_value());
  EXPECT_EQ(root.failure->cause, FailureCause::data_dependent_shape);
  EXPECT_NE(root.failure->traceback().find("NonZero"), std::string::npos);
}

Result<Conversion> mend_file(const std::filesystem::path& file, const Configuration& configuration,
                             bool search) {
  LATHE_ASSIGN(std::shared_ptr<const Model> model, import_onnx(file));
  ConvertOptions options;
  options.dry_run = true;
  options.apply_remedies = search;
  if (search) {
    options.samples.emplace_back();
    LATHE_ASSIGN(Tensor image, Tensor::allocate(ElementType::f32, {1, 3, 96, 96}));
    std::fill_n(image.mutable_data<float>().begin(), image.count(), 0.5F);
    options.samples[0]["img"] = std::move(image);
  }
  return on_executor([&] { return convert(model, configuration, options, JobContext()); });
}

TEST(Convert, RemediesMakeAModelOfOpenSizesWhole) {
  const auto conversion = mend_file(examples() / anysize, {}, true);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  EXPECT_EQ(conversion->converted, 92);
  ASSERT_EQ(conversion->remedies.size(), 1U);
  EXPECT_EQ(conversion->remedies[0].text, "pinned img to 1x3x96x96 (the shape of the data's samples)");
  EXPECT_EQ(conversion->remedies[0].loss, 0.0);
}

TEST(Convert, FilteringCanBecomePartOfTheEngine) {
  const auto file = larger_model("digits_detr_filtered_script17");
  if (file.empty()) GTEST_SKIP() << "digits_detr_filtered_script17.onnx is not on this machine";
  Configuration cut, fixed;
  cut.remedies.push_back({Remedy::Kind::cut_postprocessing, "", std::nullopt, std::nullopt});
  fixed.remedies.push_back({Remedy::Kind::filter_to_topk, "/NonZero", std::nullopt, std::nullopt});
  const auto divided = mend_file(file, cut, false), whole = mend_file(file, fixed, false);
  ASSERT_TRUE(divided.ok()) << divided.error().text();
  EXPECT_EQ(divided->converted, 91);
  ASSERT_EQ(divided->partition.pieces.size(), 1U);
  EXPECT_TRUE(divided->cut);
  ASSERT_TRUE(whole.ok()) << whole.error().text();
  EXPECT_EQ(whole->converted, 92);
}

}  // namespace
}  // namespace lathe
