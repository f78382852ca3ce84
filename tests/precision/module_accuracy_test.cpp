// SPDX-License-Identifier: Apache-2.0
// Accuracy by module of converted models: which tensors are compared, and that a planted fault is found.
#include "profiler/workflow/module_accuracy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/precision/rebuild.h"
#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

std::shared_ptr<const Model> whole(const ModelMaker& maker) {
  auto model = std::make_shared<Model>(maker.model);
  model->graph = maker.model.graph.clone();
  refresh_modules(*model);
  return model;
}

ModuleAccuracy compared(const std::shared_ptr<const Model>& model, Configuration configuration,
                        size_t samples = 4) {
  const CalibrationData data = random_data(*model, samples);
  configuration.modules[""].convert = true;
  ConvertOptions options;
  options.calibration = &data;
  options.samples = data.samples;
  const auto made = on_executor([&]() -> Result<ModuleAccuracy> {
    LATHE_ASSIGN(const Conversion conversion, convert(model, configuration, options, {}));
    return module_accuracy(conversion, [&](size_t k) -> Result<NamedValues> { return data.samples[k]; },
                           samples, {});
  });
  EXPECT_TRUE(made.ok()) << made.error().text();
  return made.ok() ? *made : ModuleAccuracy();
}

std::vector<std::string> modules_of(const ModuleAccuracy& accuracy) {
  std::vector<std::string> paths;
  for (const BorderAccuracy& border : accuracy.borders) paths.push_back(border.module);
  return paths;
}

TEST(ModuleBorders, AreTensorsThatOthersRead) {
  ModelMaker maker(17);
  maker.input("x", {2, 4});
  maker.weight("w", {4, 4});
  maker.node("MatMul", {"x", "w"}, "p");
  maker.module("encoder.fc");
  maker.node("Relu", {"p"}, "r");
  maker.module("encoder.act");
  maker.node("Identity", {"w"}, "same");  // a constant: nothing to compare
  maker.module("encoder.act");
  maker.node("MatMul", {"r", "same"}, "y");
  maker.module("head");
  maker.output("y");
  const auto model = whole(maker);
  const auto found = module_borders(*model, *model);
  ASSERT_TRUE(found.ok());
  std::vector<std::string> rows;
  for (const ModuleBorder& each : *found) {
    std::string row = each.module + ":" + each.tensor + (each.own ? " own" : "") + " <-";
    for (const size_t before : each.before) row += " " + std::to_string(before);
    rows.push_back(row);
  }
  EXPECT_THAT(rows, testing::ElementsAre("encoder.fc:p own <-", "encoder.act:r own <- 0", "encoder:r <-",
                                         "head:y own <- 1", ":y <- 1"));
}

TEST(ModuleBorders, ReadersGetWhatWasInsertedBetween) {
  const auto model = whole(chain(0));
  Model lowered = *model;
  lowered.graph = model->graph.clone();
  PrecisionRequest only_b;
  only_b.modules["b"] = ElementType::f16;
  ASSERT_TRUE(lower_precision(lowered, only_b).ok());
  const auto found = module_borders(*model, lowered);
  ASSERT_TRUE(found.ok());
  for (const ModuleBorder& each : *found) {
    ASSERT_TRUE(lowered.graph.find_value(each.converted));
    if (each.module == "a") {
      EXPECT_EQ(type_of(lowered.graph, each.converted), ElementType::f16) << "what b reads";
    }
  }
}

/// What b reads has one column that is 2000 times as large, and b drops it: rounding takes all the rest.
TEST(ModuleAccuracyOfModels, APlantedOutlierIsWhereItFirstGoesWrongInInt8) {
  const auto model = whole(chain(2000));
  Configuration configuration;
  configuration.modules[""].int8 = true;
  configuration.calibrator = "minmax";
  const ModuleAccuracy found = compared(model, configuration);
  EXPECT_EQ(modules_of(found), (std::vector<std::string>{"a", "b", "c", ""}));
  EXPECT_EQ(found.samples, 4u);
  ASSERT_TRUE(found.first_wrong && found.steepest);
  EXPECT_EQ(found.borders[*found.first_wrong].module, "b");
  EXPECT_EQ(found.borders[*found.steepest].module, "b");
  EXPECT_GT(found.borders[0].snr_db, 30) << "the outlier itself is right";
  EXPECT_LT(found.borders[1].snr_db, 15);
  // 2000 in 255 levels: half a level is 3.9.
  EXPECT_NEAR(found.borders[0].max_abs, 3.9, 1);
}

TEST(ModuleAccuracyOfModels, NarrowFloatsAreNearAndTheNarrowerTheFarther) {
  const auto model = whole(chain(0));
  Configuration fp16, bf16;
  fp16.modules[""].fp16 = bf16.modules[""].bf16 = true;
  const ModuleAccuracy half = compared(model, fp16), brain = compared(model, bf16);
  ASSERT_EQ(half.borders.size(), 4u);
  ASSERT_EQ(brain.borders.size(), 4u);
  EXPECT_FALSE(half.first_wrong || brain.first_wrong);
  // fp16 has three more digits than bf16: 18 dB.
  EXPECT_NEAR(half.borders[0].snr_db - brain.borders[0].snr_db, 18, 4);
  EXPECT_GT(half.borders[0].snr_db, 60);
  EXPECT_LT(half.borders[0].snr_db, snr_cap_db) << "was it lowered at all?";
}

TEST(ModuleAccuracyOfModels, PartlyConvertedModelsAreComparedToo) {
  const auto model = whole(chain(0));
  Configuration configuration;
  configuration.modules[""].int8 = true;
  configuration.modules[""].recurse = true;
  configuration.calibrator = "minmax";
  configuration.exclude = {"a"};
  const ModuleAccuracy found = compared(model, configuration);
  EXPECT_EQ(modules_of(found), (std::vector<std::string>{"a", "b", "c", ""}));
  EXPECT_GT(found.borders[0].snr_db, 35) << "fp32, but rounded where b reads it";
  EXPECT_LT(found.borders[1].snr_db, found.borders[0].snr_db);
}

TEST(ModuleAccuracyOfModels, NothingLoweredIsNothingToCompare) {
  EXPECT_TRUE(compared(whole(chain(0)), Configuration()).borders.empty());
}

}  // namespace
}  // namespace lathe
