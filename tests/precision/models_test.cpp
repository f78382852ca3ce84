// SPDX-License-Identifier: Apache-2.0
// Real models in a narrow type: sound, close to what they were, and read back as written.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

#include "engine/formats/onnx/onnx.h"
#include "engine/graph/verify.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/executor_thread.h"
#include "tests/precision/make_model.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

fs::path examples() {
  return fs::path(LATHE_SOURCE_DIR) / "resources/examples";
}

/// A model of the larger collection; empty when it is not on this machine.
fs::path larger_model(const std::string& name) {
  const char* set = std::getenv("LATHE_MODELS");
  const char* home = std::getenv("HOME");
  const fs::path folder =
      set != nullptr ? fs::path(set) : fs::path(home != nullptr ? home : ".") / ".cache/lathe/models";
  const fs::path file = folder / (name + ".onnx");
  return fs::exists(file) ? file : fs::path();
}

std::shared_ptr<Model> opened(const fs::path& file) {
  auto model = import_onnx(file);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().text());
  return model.ok() ? *model : nullptr;
}

size_t count(const PrecisionReport& report, const std::string& op_type, ElementType type) {
  size_t found = 0;
  for (const NodePrecision& node : report.nodes)
    found += !node.inserted && node.op_type == op_type && node.precision == type;
  return found;
}

/// Outputs of the model as one engine, for seeded inputs.
NamedValues outputs_of(std::shared_ptr<const Model> model) {
  return on_executor([&]() -> NamedValues {
    auto inputs = random_inputs(*model, {}, {}, 1);
    EXPECT_TRUE(inputs.ok());
    auto runnable = make_engine_model(model);
    EXPECT_TRUE(runnable.ok()) << (runnable.ok() ? "" : runnable.error().text());
    if (!inputs.ok() || !runnable.ok()) return {};
    auto made = (*runnable)->run(*inputs, {});
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().text());
    return made.ok() ? std::move(*made) : NamedValues();
  });
}

/// Root of the mean square error over that of the expected values.
double relative_error(const NamedValues& expected, const NamedValues& got) {
  double error = 0, size = 0;
  for (const auto& [name, value] : expected) {
    const auto a = value.tensor.to_double(), b = got.at(name).tensor.to_double();
    EXPECT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) error += (a[i] - b[i]) * (a[i] - b[i]), size += a[i] * a[i];
  }
  return std::sqrt(error / size);
}

TEST(LowerPrecisionOfModels, AClassifierStaysCloseAndIsReadBackAsWritten) {
  const fs::path file = examples() / "digits_resnet/digits_resnet_script17.onnx";
  const NamedValues expected = outputs_of(opened(file));
  for (const auto& [type, tolerance] : {std::pair{ElementType::bf16, 0.02}, {ElementType::f16, 0.003}}) {
    const auto model = opened(file);
    const auto report = lower_precision(*model, request(type));
    ASSERT_TRUE(report.ok()) << report.error().text();
    EXPECT_EQ(report->casts, 2U);
    EXPECT_EQ(count(*report, "Conv", type), 15U);
    TemporaryFolder folder;
    ASSERT_TRUE(export_onnx(*model, folder / "model.onnx").ok());
    const auto again = opened(folder / "model.onnx");
    EXPECT_EQ(again->opsets.at(""), report->opset_after);
    EXPECT_EQ(again->graph.node_count(), model->graph.node_count());
    const NamedValues got = outputs_of(again);
    ASSERT_EQ(got.size(), expected.size());
    EXPECT_LT(relative_error(expected, got), tolerance);
    EXPECT_GT(relative_error(expected, got), 1e-6) << "was it lowered at all?";
  }
}

TEST(LowerPrecisionOfModels, ADetectorKeepsAnglesAndBoxesWide) {
  const auto model = opened(examples() / "digits_detr_anysize/digits_detr_anysize_script17.onnx");
  const auto report = lower_precision(*model, request(ElementType::bf16));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_TRUE(verify(model->graph).empty());
  EXPECT_EQ(count(*report, "Sin", ElementType::f32), 2U);
  EXPECT_EQ(count(*report, "CumSum", ElementType::f32), 2U);
  EXPECT_EQ(count(*report, "Sigmoid", ElementType::f32), 1U);
  EXPECT_EQ(count(*report, "Conv", ElementType::bf16), 17U);
  EXPECT_EQ(count(*report, "LayerNormalization", ElementType::bf16), 16U);
  EXPECT_EQ(count(*report, "Softmax", ElementType::bf16), 9U);
  EXPECT_GE(count(*report, "MatMul", ElementType::bf16), 58U);
}

TEST(LowerPrecisionOfModels, LargerModelsAreLoweredAndSound) {
  const struct {
    const char* name;
    size_t most_casts;
  } models[] = {{"resnet50_dynamo20_dynbatch", 2},
                {"mobilenet_v2_dynamo18", 2},
                {"vit_b_16_dynamo18", 2},
                {"bert_base_script17", 8},
                {"detr_r50_640_dynamo18", 8},
                {"detr_r50_640_script17", 120},
                {"detr_r50_detections_script17", 130}};
  for (const auto& [name, most_casts] : models) {
    const fs::path file = larger_model(name);
    if (file.empty()) GTEST_SKIP() << name << ".onnx is not in $LATHE_MODELS or ~/.cache/lathe/models";
    for (const ElementType type : {ElementType::bf16, ElementType::f16}) {
      const auto model = opened(file);
      ASSERT_NE(model, nullptr);
      const auto report = lower_precision(*model, request(type));
      ASSERT_TRUE(report.ok()) << name << ": " << report.error().text();
      EXPECT_LE(report->casts, most_casts) << name;
      EXPECT_EQ(count(*report, "Conv", ElementType::f32), 0U) << name;
      EXPECT_LE(count(*report, "MatMul", ElementType::f32), 3U) << name;
    }
  }
}

}  // namespace
}  // namespace lathe
