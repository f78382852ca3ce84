// SPDX-License-Identifier: Apache-2.0
// Folders of conversions in which a module has no node left: quantising folded it into its neighbour.
#include "engine/formats/onnx/onnx.h"
#include "engine/tensor/npz.h"
#include "profiler/workflow/workflow.h"
#include "tests/convert/planted.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

Tensor numbers(const Shape& shape, float scale) {
  Tensor made = Tensor::allocate(ElementType::f32, shape).value();
  int at = 0;
  for (float& each : made.mutable_data<float>()) each = scale * static_cast<float>(at++ * 7 % 11 - 5);
  return made;
}

/// Convolution and BatchNormalization, a module each, named as exporters name them.
void write_model(const std::filesystem::path& file) {
  Planter plant;
  const auto channels = [&](float value) {
    return plant.constant(Tensor::from<float>({8}, std::vector<float>(8, value)));
  };
  ValueId at = plant.input("x", {Dim(1), Dim(8), Dim(12), Dim(12)});
  at = plant.node("Conv", {at, plant.constant(numbers({8, 8, 3, 3}, 0.05F))}, {}, "/body/conv");
  at = plant.node("BatchNormalization", {at, channels(1.5F), channels(0.1F), channels(0.2F), channels(2)}, {},
                  "/body/norm");
  plant.output(plant.node("Relu", {at}, {}, "/body/act"), "y");
  ASSERT_TRUE(export_onnx(*plant.finish(), file).ok());
}

TEST(FoldedModules, StandInTheFolderThatIsReadBack) {
  const TemporaryFolder folder;
  write_model(folder / "model.onnx");
  ASSERT_TRUE(write_npz(folder / "calibration.npz", {{"x", numbers({4, 8, 12, 12}, 0.2F)}}).ok());
  ConvertRequest request;
  auto opened = open_model(folder / "model.onnx", {}, JobContext());
  ASSERT_TRUE(opened.ok()) << opened.error().text();
  ASSERT_TRUE((*opened)->model->modules.find("body.norm"));
  request.opened = *opened;
  request.configuration.modules[""].convert = request.configuration.modules[""].int8 = true;
  request.configuration.modules["body.norm"].int8 = true;
  request.configuration.calibration = (folder / "calibration.npz").string();
  request.out = folder / "out";
  request.runs = request.active_runs = 1;
  const auto report = convert_model(request, JobContext());
  ASSERT_TRUE(report.ok()) << report.error().text();

  const auto rewritten = open_model(folder / "out" / "model.onnx", {}, JobContext());
  ASSERT_TRUE(rewritten.ok());
  EXPECT_FALSE((*rewritten)->model->modules.find("body.norm"));  // else this test shows nothing
  const auto run = open_model(folder / "out", {}, JobContext());
  ASSERT_TRUE(run.ok()) << run.error().text();
  EXPECT_TRUE((*run)->model->modules.find("body.norm"));
  const auto read = open_conversion(folder / "out", JobContext());
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ((*read)->conversion.outcomes.size(), (*report)->conversion.outcomes.size());
  EXPECT_TRUE((*read)->conversion.configuration.modules.contains("body.norm"));
}

}  // namespace
}  // namespace lathe
