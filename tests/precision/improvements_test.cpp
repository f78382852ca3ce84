// SPDX-License-Identifier: Apache-2.0
// Ranges moved between layers and corrected biases: hand-computed cases, near misses, and that they help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "engine/precision/bias_correction.h"
#include "engine/precision/int8_search.h"
#include "engine/precision/migration.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/executor_thread.h"
#include "engine/tensor/compare.h"
#include "tests/precision/make_model.h"

namespace lathe {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::FloatNear;

Int8Plan plan_of(const Model& model) {
  PrecisionRequest request;
  request.modules[""] = ElementType::i8;
  return std::move(plan_int8(model.graph, int8_wishes(model.modules, request).value(), {})).value();
}

std::vector<float> constant(const Graph& graph, const std::string& node, size_t input) {
  const Tensor* tensor = constant_behind(graph, graph.node(*graph.find_node(node)).inputs[input]);
  return {tensor->data<float>().begin(), tensor->data<float>().end()};
}

Tensor run(const Model& model, const Tensor& x) {
  return on_executor([&]() -> Tensor {
    const auto runnable = make_engine_model(std::make_shared<Model>(model)).value();
    return runnable->run({{"x", RuntimeValue(x)}}, {}).value().begin()->second.tensor;
  });
}

TEST(Migration, TheScaleIsTheRootOfActivationOverWeights) {
  EXPECT_THAT(migration_scales({16, 1, 0, 3}, {4, 4, 2, 0}), ElementsAre(2, 0.5F, 1, 1));
}

/// x -> LayerNormalization -> Gemm; `also` reads the normalised tensor, too.
ModelMaker normalised(bool also) {
  ModelMaker maker(17);
  maker.input("x", {2, 2});
  maker.constant("scale", Tensor::from<float>({2}, {8, 1}));
  maker.constant("bias", Tensor::from<float>({2}, {4, 2}));
  maker.constant("w", Tensor::from<float>({2, 2}, {1, 2, -4, 3}));
  maker.node("LayerNormalization", {"x", "scale", "bias"}, "n", {{"axis", int64_t{-1}}});
  maker.node("MatMul", {"n", "w"}, "y");
  maker.output("y");
  if (also) {
    maker.node("Neg", {"n"}, "z");
    maker.output("z");
  }
  return maker;
}

TEST(Migration, SmoothingDividesTheNormAndMultipliesTheRows) {
  ModelMaker maker = normalised(false);
  const auto places = find_smoothing(maker.model.graph, plan_of(maker.model));
  ASSERT_EQ(places.size(), 1U);
  const Tensor x = Tensor::from<float>({2, 2}, {1, 5, -2, 3});
  const Tensor before = run(maker.model, x);
  // Rows of w: largest 2 and 4; activations said to be 8 and 1: scales 2 and 1/2.
  const auto changed = migrate(maker.model.graph, places, {{"n", {{8, 1}, {0, 0}}}});
  ASSERT_EQ(changed.value(), 1U);
  EXPECT_THAT(constant(maker.model.graph, "LayerNormalization:n", 1), ElementsAre(4, 2));
  EXPECT_THAT(constant(maker.model.graph, "LayerNormalization:n", 2), ElementsAre(2, 4));
  EXPECT_THAT(constant(maker.model.graph, "MatMul:y", 1), ElementsAre(2, 4, -2, 1.5F));
  EXPECT_LT(compare_tensors(before, run(maker.model, x))->max_abs, 1e-5);
}

TEST(Migration, SmoothingLeavesATensorAloneThatOthersRead) {
  const ModelMaker maker = normalised(true);
  EXPECT_TRUE(find_smoothing(maker.model.graph, plan_of(maker.model)).empty());
}

ModelMaker two_products(const char* between) {
  ModelMaker maker(17);
  maker.input("x", {2, 2});
  maker.constant("w1", Tensor::from<float>({2, 2}, {1, 2, 3, 4}));
  maker.constant("b1", Tensor::from<float>({2}, {2, 2}));
  maker.constant("w2", Tensor::from<float>({2, 2}, {1, -1, 4, 2}));
  maker.node("Gemm", {"x", "w1", "b1"}, "a");
  maker.node(between, {"a"}, "r");
  maker.node("MatMul", {"r", "w2"}, "y");
  maker.output("y");
  return maker;
}

TEST(Migration, EqualisationDividesOneLayerAndMultipliesTheNext) {
  ModelMaker maker = two_products("Relu");
  const auto places = find_equalisation(maker.model.graph, plan_of(maker.model));
  ASSERT_EQ(places.size(), 1U);
  const Tensor x = Tensor::from<float>({2, 2}, {1, -5, 2, 3});
  const Tensor before = run(maker.model, x);
  // Largest of w2's rows: 1 and 4; activations said to be 4 and 1: scales 2 and 1/2.
  ASSERT_EQ(migrate(maker.model.graph, places, {{"r", {{4, 1}, {0, 0}}}}).value(), 1U);
  EXPECT_THAT(constant(maker.model.graph, "Gemm:a", 1), ElementsAre(0.5F, 4, 1.5F, 8));
  EXPECT_THAT(constant(maker.model.graph, "Gemm:a", 2), ElementsAre(1, 4));
  EXPECT_THAT(constant(maker.model.graph, "MatMul:y", 1), ElementsAre(2, -2, 2, 1));
  EXPECT_LT(compare_tensors(before, run(maker.model, x))->max_abs, 1e-5);
}

TEST(Migration, EqualisationDoesNotPassWhatIsNotHomogeneous) {
  for (const char* between : {"Sigmoid", "Tanh"}) {
    const ModelMaker maker = two_products(between);
    EXPECT_TRUE(find_equalisation(maker.model.graph, plan_of(maker.model)).empty()) << between;
  }
}

TEST(Migration, ADepthwiseConvolutionTakesChannelsAlongItsFirstAxis) {
  ModelMaker maker(17);
  maker.input("x", {1, 1, 1, 2});
  maker.constant("w1", Tensor::from<float>({2, 1, 1, 1}, {2, 3}));
  maker.constant("w2", Tensor::from<float>({2, 1, 1, 1}, {1, 4}));
  maker.node("Conv", {"x", "w1"}, "a");
  maker.node("Conv", {"a", "w2"}, "y", {{"group", int64_t{2}}});
  maker.output("y");
  const auto places = find_equalisation(maker.model.graph, plan_of(maker.model));
  ASSERT_EQ(places.size(), 1U);
  const Tensor x = Tensor::from<float>({1, 1, 1, 2}, {1, -5});
  const Tensor before = run(maker.model, x);
  ASSERT_EQ(migrate(maker.model.graph, places, {{"a", {{4, 1}, {0, 0}}}}).value(), 1U);
  EXPECT_THAT(constant(maker.model.graph, "Conv:a", 1), ElementsAre(1, 6));
  EXPECT_THAT(constant(maker.model.graph, "Conv:y", 1), ElementsAre(2, 2));
  EXPECT_LT(compare_tensors(before, run(maker.model, x))->max_abs, 1e-5);
}

TEST(BiasCorrection, IsTheRoundingErrorOfTheMeanInput) {
  // Column 0: scale 1/127, 0.3 * 127 = 38.1 becomes 38: error -0.1/127. Column 1 is exact.
  const Tensor weights = Tensor::from<float>({2, 2}, {1, 127, 0.3F, -64});
  const auto shift = rounding_shift(weights, 1, {5, 10}, 1);
  ASSERT_TRUE(shift.ok());
  EXPECT_THAT(*shift, ElementsAre(DoubleNear(-1.0F / 127, 1e-5F), DoubleNear(0, 1e-5F)));
  // A convolution of two groups: output 1 sees the second input channel.
  const Tensor grouped = Tensor::from<float>({2, 1, 1, 2}, {1, 0.3F, 0.3F, 1});
  EXPECT_THAT(rounding_shift(grouped, 0, {5, 10}, 2).value(),
              ElementsAre(DoubleNear(-0.5F / 127, 1e-5F), DoubleNear(-1.0F / 127, 1e-5F)));
}

TEST(BiasCorrection, TakesTheShiftOffTheBiasAlsoBehindAMatMul) {
  ModelMaker maker(17);
  maker.input("x", {2, 2});
  maker.constant("w", Tensor::from<float>({2, 1}, {1, 0.3F}));
  maker.constant("b", Tensor::from<float>({1}, {0.5F}));
  maker.node("MatMul", {"x", "w"}, "m");
  maker.node("Add", {"m", "b"}, "y");
  maker.output("y");
  const Int8Plan plan = plan_of(maker.model);
  EXPECT_EQ(product_inputs(maker.model.graph, plan), (ChannelAxes{{"x", -1}}));
  ASSERT_EQ(correct_biases(maker.model.graph, plan, {{"x", {{9, 9}, {5, 10}}}}).value(), 1U);
  EXPECT_THAT(constant(maker.model.graph, "Add:y", 1), ElementsAre(FloatNear(0.5F + 1.0F / 127, 1e-5F)));
}

TEST(Improvements, SmoothingIsKeptWhereChannelsDifferMuchAndRecorded) {
  constexpr int64_t width = 32;
  ModelMaker maker(17);
  std::mt19937 random(3);
  std::normal_distribution<float> draw;
  maker.input("x", {16, width});
  Tensor scale = std::move(Tensor::allocate(ElementType::f32, {width})).value();
  Tensor weights = std::move(Tensor::allocate(ElementType::f32, {width, width})).value();
  for (float& each : scale.mutable_data<float>()) each = 1;
  for (float& each : weights.mutable_data<float>()) each = draw(random);
  scale.mutable_data<float>()[5] = 300;  // one channel rules the range and means little
  for (int64_t k = 0; k < width; ++k) weights.mutable_data<float>()[5 * width + k] *= 0.001F;
  maker.constant("scale", std::move(scale));
  maker.constant("w", std::move(weights));
  maker.node("LayerNormalization", {"x", "scale"}, "n");
  maker.node("MatMul", {"n", "w"}, "y");
  maker.output("y");
  CalibrationData data;
  for (size_t k = 0; k < 4; ++k)
    data.samples.push_back(std::move(random_inputs(maker.model, {}, {}, k)).value());
  const auto made = on_executor([&] {
    Int8Request request;
    request.precision.modules[""] = ElementType::i8;
    request.calibrator = Calibrator::minmax;
    request.data = &data;
    return lower_to_int8(maker.model, request, {});
  });
  ASSERT_TRUE(made.ok()) << made.error().text();
  ASSERT_FALSE(made->report.improvements.empty());
  const Int8Improvement& first = made->report.improvements[0];
  EXPECT_EQ(first.name, "smoothing");
  EXPECT_EQ(first.places, 1U);
  EXPECT_TRUE(first.kept);
  EXPECT_GT(first.after_db, first.before_db + 10);
}

}  // namespace
}  // namespace lathe
