// SPDX-License-Identifier: Apache-2.0
// int8 of models that are no single engine, and what is counted where quantising folds nodes away.
#include <gmock/gmock.h>

#include "engine/tensor/compare.h"
#include "tests/convert/planted_models.h"

namespace lathe {
namespace {

Tensor weights(Shape shape) {
  Tensor made = Tensor::allocate(ElementType::f32, shape).value();
  int at = 0;
  for (float& each : made.mutable_data<float>()) each = static_cast<float>(at++ * 7 % 11 - 5) / 16;
  return made;
}

/// Two products, then the rows whose first element is above zero.
std::shared_ptr<const Model> filtered_products() {
  Planter plant;
  const ValueId x = plant.input("x", sizes({16, 64}));
  const ValueId one = plant.node("MatMul", {x, plant.constant(weights({64, 64}))}, {}, "body");
  const ValueId relu = plant.node("Relu", {one}, {}, "body");
  const ValueId two = plant.node("MatMul", {relu, plant.constant(weights({64, 64}))}, {}, "body");
  const ValueId first =
      plant.node("Gather", {two, plant.constant(Tensor::scalar<int64_t>(0))}, {{"axis", int64_t{1}}});
  const ValueId above = plant.node("Greater", {first, plant.constant(Tensor::scalar(0.0F))});
  const ValueId rows = plant.node("Squeeze", {plant.node("NonZero", {above}), plant.integers({0})});
  plant.output(plant.node("Gather", {two, rows}, {{"axis", int64_t{0}}}), "y");
  plant.output(two, "all");
  return plant.finish();
}

/// Convolutions with a BatchNormalization between them, a module each.
std::shared_ptr<const Model> with_normalization() {
  Planter plant;
  ValueId at = plant.input("x", sizes({1, 8, 12, 12}));
  const auto channels = [&](float value) {
    return plant.constant(Tensor::from<float>({8}, std::vector<float>(8, value)));
  };
  at = plant.node("Conv", {at, plant.constant(weights({8, 8, 3, 3}))}, {}, "conv1");
  at = plant.node("BatchNormalization", {at, channels(1.5F), channels(0.1F), channels(0.2F), channels(2)}, {},
                  "norm");
  at = plant.node("Relu", {at}, {}, "act");
  plant.output(plant.node("Conv", {at, plant.constant(weights({8, 8, 3, 3}))}, {}, "conv2"), "y");
  return plant.finish();
}

Result<Conversion> in_int8(const std::shared_ptr<const Model>& model) {
  CalibrationData data;
  data.name = "random inputs";
  for (uint64_t seed = 1; seed <= 3; ++seed)
    data.samples.push_back(random_inputs(*model, {}, {}, seed).value());
  Configuration configuration;
  ModuleSettings& all = configuration.modules[""];
  all.convert = all.recurse = all.int8 = true;
  ConvertOptions options;
  options.calibration = &data;
  return on_executor([&] { return convert(model, configuration, options, JobContext()); });
}

TEST(Int8Conversion, OfAModelWhoseDataDecidesItsLastSizes) {
  const auto model = filtered_products();
  const auto conversion = in_int8(model);
  ASSERT_TRUE(conversion.ok()) << conversion.error().text();
  const ModuleOutcome& body = *conversion->find(*model->modules.find("body"));
  EXPECT_EQ(body.status, ModuleStatus::success);
  EXPECT_EQ(body.precision, "i8");
  const auto inputs = random_inputs(*model, {}, {}, 9).value();
  const auto wide = run_eagerly(model, inputs);
  const auto narrow = on_executor([&] { return conversion->runnable->run(inputs, RunOptions()); });
  ASSERT_TRUE(wide.ok() && narrow.ok());
  const auto difference = compare_tensors(wide->at("all").tensor, narrow->at("all").tensor);
  ASSERT_TRUE(difference.ok());
  EXPECT_GT(difference->snr_db, 25);
  EXPECT_LT(difference->snr_db, 100);
}

TEST(Int8Conversion, CountsModulesWhoseNodesWereFolded) {
  const auto model = with_normalization();
  const auto wide = convert_planted(model, {}, false);
  const auto narrow = in_int8(model);
  ASSERT_TRUE(wide.ok()) << wide.error().text();
  ASSERT_TRUE(narrow.ok()) << narrow.error().text();
  EXPECT_EQ(wide->total, 5);
  EXPECT_EQ(narrow->total, 5);
  EXPECT_EQ(narrow->converted, 5);
  EXPECT_EQ(narrow->find(*model->modules.find("norm"))->status, ModuleStatus::covered);
  EXPECT_THAT(operators_in(*narrow->model), testing::Not(testing::Contains("BatchNormalization")));
}

}  // namespace
}  // namespace lathe
