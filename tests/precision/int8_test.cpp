// SPDX-License-Identifier: Apache-2.0
// int8 as Q/DQ: exactness of the rewrite, the ranking and the search.
#include <gtest/gtest.h>

#include "engine/precision/mixed.h"
#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

TEST(Int8, ProductsAreQuantisedAndTheOutputsStayClose) {
  const auto model = std::make_shared<Model>(chain(0).model);
  const CalibrationData data = random_data(*model, 8);
  const auto made = on_executor([&] {
    Int8Request request;
    request.precision = all_int8();
    request.calibrator = Calibrator::minmax;
    request.data = &data;
    return lower_to_int8(*model, request, {});
  });
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Graph& graph = made->model->graph;
  EXPECT_EQ(count(graph, "QuantizeLinear"), 3U) << "one for each product's data";
  EXPECT_EQ(count(graph, "DequantizeLinear"), 9U) << "data, weights and bias of each";
  EXPECT_EQ(made->report.int8_flops, made->report.product_flops);
  EXPECT_EQ(made->report.product_flops, 3 * 2.0 * 8 * width * width);
  EXPECT_EQ(fact(made->report, "Relu:a.r")->precision, ElementType::i8);
  const double error = -*on_executor([&]() -> Result<double> {
    LATHE_ASSIGN(const auto runnable, make_engine_model(made->model));
    return closeness(model, data.samples[0])(*runnable);
  });
  EXPECT_LT(error, 0.03);
  EXPECT_GT(error, 1e-5) << "was it quantised at all?";
}

TEST(Int8, APlantedOutlierIsNamedFirstAndTheSearchKeepsItWide) {
  const auto model = std::make_shared<Model>(chain(2000).model);
  const CalibrationData data = random_data(*model, 8);
  const auto made = on_executor([&] {
    Int8Request request;
    request.precision = all_int8();
    request.calibrator = Calibrator::minmax;
    request.data = &data;
    request.score = closeness(model, data.samples[0]);
    request.budget = 0.05;
    return lower_to_int8(*model, request, {});
  });
  ASSERT_TRUE(made.ok()) << made.error().text();
  const PrecisionReport& report = made->report;
  ASSERT_EQ(report.ranking.size(), 3U);
  EXPECT_EQ(made->model->modules[report.ranking[0].module].path, "b");
  EXPECT_LT(report.ranking[0].snr_db + 10, report.ranking[1].snr_db);
  EXPECT_TRUE(report.ranking[0].kept_wide);
  EXPECT_FALSE(report.ranking[1].kept_wide);
  EXPECT_GE(*report.score, *report.wide_score - 0.05);
  EXPECT_EQ(fact(report, "Gemm:b.y")->precision, ElementType::f32);
  EXPECT_NE(fact(report, "Gemm:b.y")->reason.find("kept in fp32 for accuracy"), std::string::npos);
  EXPECT_EQ(fact(report, "Gemm:a.y")->precision, ElementType::i8);
  EXPECT_EQ(fact(report, "Gemm:c.y")->precision, ElementType::i8);
}

/// Two branches: `a` loses most of its output's digits, `b` few. The metric looks at b's output only.
TEST(Int8, WhatCostsTheMetricComesBeforeWhatOnlyCostsDigits) {
  ModelMaker maker(17);
  maker.input("x", {8, width});
  for (const char* name : {"a", "b"}) {
    Tensor weights = random_tensor({width, width}, name[0], 0.125F);
    maker.constant(std::string(name) + ".w", std::move(weights));
    Tensor scale = std::move(Tensor::allocate(ElementType::f32, {width})).value();
    for (float& each : scale.mutable_data<float>()) each = 1;
    if (name[0] == 'a') scale.mutable_data<float>()[3] = 1000;
    maker.constant(std::string(name) + ".scale", std::move(scale));
    maker.node("Mul", {"x", std::string(name) + ".scale"}, std::string(name) + ".s");
    maker.node("MatMul", {std::string(name) + ".s", std::string(name) + ".w"}, std::string(name) + ".y");
    maker.module(name);
    // Differences of columns: what the large channel gives to all is nothing that shows.
    maker.output(std::string(name) + ".y");
  }
  const auto model = std::make_shared<Model>(maker.model);
  const CalibrationData data = random_data(*model, 4);
  const auto rank = [&](const std::string& judged) {
    Int8Request request;
    request.precision = all_int8();
    request.calibrator = Calibrator::minmax;
    request.data = &data;
    request.score = [&, judged](Runnable& runnable) -> Result<double> {
      LATHE_ASSIGN(const auto reference, make_engine_model(model));
      LATHE_ASSIGN(const NamedValues expected, reference->run(data.samples[0], {}));
      LATHE_ASSIGN(const NamedValues got, runnable.run(data.samples[0], {}));
      LATHE_ASSIGN(const TensorDifference difference,
                   compare_tensors(expected.at(judged).tensor, got.at(judged).tensor));
      return difference.identical() ? 1.0 : 0.0;
    };
    request.budget = 0.5;
    return on_executor([&] { return lower_to_int8(*model, request, {}); });
  };
  for (const std::string name : {"a", "b"}) {
    const auto made = rank(name + ".y");
    ASSERT_TRUE(made.ok()) << made.error().text();
    const PrecisionReport& report = made->report;
    ASSERT_EQ(report.ranking.size(), 2U);
    EXPECT_EQ(made->model->modules[report.ranking[0].module].path, name);
    EXPECT_EQ(*report.ranking[0].score, 0);
    EXPECT_EQ(*report.ranking[1].score, 1);
    EXPECT_TRUE(report.ranking[0].kept_wide);
    EXPECT_FALSE(report.ranking[1].kept_wide);
    EXPECT_EQ(*report.score, 1);
  }
}

TEST(Int8, TheRestCanBeNarrowToo) {
  ModelMaker maker = chain(0);
  maker.node("Transpose", {"c.y"}, "t");
  maker.node("MatMul", {"c.y", "t"}, "m");  // of two activations: stays out of 8 bit
  maker.node("Softmax", {"m"}, "z");
  maker.output("z");
  const auto model = std::make_shared<Model>(maker.model);
  const CalibrationData data = random_data(*model, 2);
  for (const ElementType rest : {ElementType::f16, ElementType::bf16}) {
    const auto made = on_executor([&]() -> Result<Quantized> {
      Int8Request request;
      request.precision = all_int8();
      request.calibrator = Calibrator::minmax;
      request.data = &data;
      LATHE_ASSIGN(Quantized quantized, lower_to_int8(*model, request, {}));
      LATHE_TRY(lower_rest(quantized, lathe::request(rest)));
      return quantized;
    });
    ASSERT_TRUE(made.ok()) << made.error().text();
    EXPECT_EQ(fact(made->report, "Gemm:b.y")->precision, ElementType::i8);
    EXPECT_EQ(fact(made->report, "Gemm:b.y")->rule, "product");
    EXPECT_EQ(fact(made->report, "MatMul:m")->precision, rest);
    EXPECT_EQ(made->report.int8_flops, 3 * 2.0 * 8 * width * width) << "of the three, and not of the fourth";
    EXPECT_EQ(count(made->model->graph, "QuantizeLinear"), 3U);
    EXPECT_GT(count(made->model->graph, "Cast"), 0U);
    EXPECT_EQ(type_of(made->model->graph, "z"), ElementType::f32) << "outputs keep their types";
    const double error = -*on_executor([&]() -> Result<double> {
      LATHE_ASSIGN(const auto runnable, make_engine_model(made->model));
      return closeness(model, data.samples[0])(*runnable);
    });
    EXPECT_GT(error, 1e-5);
    EXPECT_LT(error, 0.03);
  }
}

}  // namespace
}  // namespace lathe
