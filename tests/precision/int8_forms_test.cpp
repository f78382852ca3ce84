// SPDX-License-Identifier: Apache-2.0
// Symmetric activations and tables in 8 bit, with numbers worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

const Tensor* constant_of(const Graph& graph, const std::string& name) {
  const auto value = graph.find_value(name);
  return value ? graph.constant(*value) : nullptr;
}

Result<Quantized> quantised(const std::shared_ptr<const Model>& model, const CalibrationData& data,
                            bool symmetric = false) {
  return on_executor([&] {
    Int8Request request;
    request.precision = all_int8();
    request.calibrator = Calibrator::minmax;
    request.data = &data;
    request.symmetric = symmetric;
    return lower_to_int8(*model, request, {});
  });
}

std::vector<float> output_of(const Quantized& made, const NamedValues& inputs) {
  const auto outputs = on_executor([&]() -> Result<NamedValues> {
    LATHE_ASSIGN(const auto runnable, make_engine_model(made.model));
    return runnable->run(inputs, {});
  });
  if (!outputs.ok()) return {};
  const auto numbers = outputs->begin()->second.tensor.data<float>();
  return {numbers.begin(), numbers.end()};
}

TEST(SymmetricActivations, TheLargerMagnitudeIs127) {
  EXPECT_FLOAT_EQ((QuantizedRange{-2, 6.35F}).symmetric_scale(), 0.05F);
  EXPECT_FLOAT_EQ((QuantizedRange{-12.7F, 1}).symmetric_scale(), 0.1F);
  EXPECT_EQ(QuantizedRange{}.symmetric_scale(), 1.0F);
}

/// x [-1.27, 0.634] times the unit matrix.
TEST(SymmetricActivations, ZeroIsLevelZeroOfI8) {
  ModelMaker maker(17);
  maker.input("x", {1, 2});
  maker.constant("w", Tensor::from<float>({2, 2}, {1, 0, 0, 1}));
  maker.node("MatMul", {"x", "w"}, "y");
  maker.output("y");
  const auto model = std::make_shared<Model>(maker.model);
  CalibrationData data;
  data.samples.push_back({{"x", RuntimeValue(Tensor::from<float>({1, 2}, {-1.27F, 0.634F}))}});
  const auto made = quantised(model, data, true);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Graph& graph = made->model->graph;
  const Tensor *scale = constant_of(graph, "x/scale"), *zero = constant_of(graph, "x/zero_point");
  ASSERT_TRUE(scale != nullptr && zero != nullptr);
  EXPECT_FLOAT_EQ(scale->data<float>()[0], 0.01F);
  EXPECT_EQ(zero->type(), ElementType::i8);
  EXPECT_EQ(zero->data<int8_t>()[0], 0);
  // 0.634 is level 63.4, which is 63.
  EXPECT_THAT(output_of(*made, data.samples[0]),
              Pointwise(FloatNear(1e-6F), std::vector<float>{-1.27F, 0.63F}));
  const auto other = quantised(model, data);
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(constant_of(other->model->graph, "x/zero_point")->type(), ElementType::u8);
  EXPECT_FLOAT_EQ(constant_of(other->model->graph, "x/scale")->data<float>()[0], 1.904F / 255);
}

TEST(SymmetricActivations, AModelStaysClose) {
  const auto model = std::make_shared<Model>(chain(0).model);
  const CalibrationData data = random_data(*model, 8);
  const auto made = quantised(model, data, true);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const auto error = on_executor([&]() -> Result<double> {
    LATHE_ASSIGN(const auto runnable, make_engine_model(made->model));
    return closeness(model, data.samples[0])(*runnable);
  });
  ASSERT_TRUE(error.ok());
  EXPECT_LT(-*error, 0.04);
  EXPECT_GT(-*error, 1e-5) << "was it quantised at all?";
}

/// ids -> rows of a table of 1024 x 4, whose columns reach 127, 12.7, 1.27 and 254 -> times w.
ModelMaker lookup(int64_t rows = 1024) {
  ModelMaker maker(17);
  maker.input("ids", {2}, ElementType::i64);
  Tensor table = std::move(Tensor::allocate(ElementType::f32, {rows, 4})).value();
  const float largest[] = {127, 12.7F, 1.27F, 254};
  const auto numbers = table.mutable_data<float>();
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i < 4 ? largest[i] : largest[i % 4] / 254;
  for (size_t i = 4; i < 8; ++i) numbers[i] = -largest[i % 4] * 0.3F;
  maker.constant("table", std::move(table));
  maker.node("Gather", {"table", "ids"}, "rows", {{"axis", int64_t{0}}});
  maker.module("embedding");
  return maker;
}

TEST(Int8Tables, AreStoredWithAScalePerColumnAndDequantisedBehindTheLookup) {
  ModelMaker maker = lookup();
  maker.output("rows");
  const auto model = std::make_shared<Model>(maker.model);
  CalibrationData data;
  data.samples.push_back({{"ids", RuntimeValue(Tensor::from<int64_t>({2}, {0, 1}))}});
  const auto made = quantised(model, data);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Graph& graph = made->model->graph;
  const Tensor* stored = constant_of(graph, "table/quantized");
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->type(), ElementType::i8);
  EXPECT_EQ(constant_of(graph, "table"), nullptr) << "the wide one is gone";
  EXPECT_FLOAT_EQ(constant_of(graph, "table/scale")->data<float>()[3], 2);
  EXPECT_EQ(fact(made->report, "Gather:rows")->precision, ElementType::i8);
  EXPECT_EQ(fact(made->report, "Gather:rows")->rule, "table");
  EXPECT_EQ(made->report.product_flops, 0) << "a lookup multiplies nothing";
  // 0.3 of the largest is level 38.1, which is 38.
  EXPECT_THAT(
      output_of(*made, data.samples[0]),
      Pointwise(FloatNear(1e-4F), std::vector<float>{127, 12.7F, 1.27F, 254, -38, -3.8F, -0.38F, -76}));
}

TEST(Int8Tables, WhatSomethingElseReadsIsSmallOrIsKeptStaysWide) {
  const auto rule_of = [](const ModelMaker& maker, const std::string& excluded) {
    PrecisionRequest request = all_int8();
    if (!excluded.empty()) request.exclude = {excluded};
    const auto wishes = int8_wishes(maker.model.modules, request);
    const auto plan = plan_int8(maker.model.graph, *wishes, {});
    return plan.ok() ? plan->of(*maker.model.graph.find_node("Gather:rows")).rule : plan.error().text();
  };
  EXPECT_EQ(rule_of(lookup(), ""), "table");
  EXPECT_EQ(rule_of(lookup(1023), ""), "few_weights");
  EXPECT_EQ(rule_of(lookup(), "embedding"), "asked");
  ModelMaker tied = lookup();
  tied.node("Transpose", {"table"}, "turned");
  tied.node("MatMul", {"rows", "turned"}, "scores");
  tied.output("scores");
  EXPECT_EQ(rule_of(tied, ""), "shared_weights");
}

/// What was picked is not rounded a second time where only wide readers are.
TEST(Int8Tables, OnlyReadersIn8BitGetTheRowsIn8Bit) {
  ModelMaker maker = lookup();
  maker.weight("w", {4, 4});
  maker.node("MatMul", {"rows", "w"}, "y");
  maker.node("Tanh", {"rows"}, "z");
  maker.output("y");
  maker.output("z");
  const auto model = std::make_shared<Model>(maker.model);
  CalibrationData data;
  data.samples.push_back({{"ids", RuntimeValue(Tensor::from<int64_t>({2}, {0, 1}))}});
  const auto made = quantised(model, data);
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Graph& graph = made->model->graph;
  const auto input_of = [&](const char* node) {
    return graph.value(graph.node(*graph.find_node(node)).inputs[0]).name;
  };
  EXPECT_EQ(input_of("Tanh:z"), "rows");
  EXPECT_EQ(input_of("MatMul:y"), "rows/dequantize");
}

}  // namespace
}  // namespace lathe
