// SPDX-License-Identifier: Apache-2.0
// int8 as Q/DQ: placement, exactness of the rewrite, the ranking and the search.
#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "engine/precision/int8_search.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/executor_thread.h"
#include "engine/tensor/compare.h"
#include "tests/precision/make_model.h"

namespace lathe {
namespace {

constexpr int64_t width = 64;

Tensor random_tensor(Shape shape, uint32_t seed, float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw(0, scale);
  Tensor tensor = std::move(Tensor::allocate(ElementType::f32, std::move(shape))).value();
  for (float& element : tensor.mutable_data<float>()) element = draw(random);
  return tensor;
}

/// x -> a -> b -> c, each a product and a Tanh or Relu. `outlier`: what b reads has one column that large.
ModelMaker chain(float outlier) {
  ModelMaker maker(17);
  maker.input("x", {8, width});
  const char* names[] = {"a", "b", "c"};
  std::string from = "x";
  for (uint32_t i = 0; i < 3; ++i) {
    const std::string name = names[i];
    Tensor weights = random_tensor({width, width}, i + 1, 0.125F);
    Tensor bias = random_tensor({width}, i + 10, 0.1F);
    if (i == 0) bias.mutable_data<float>()[7] = outlier;
    if (i == 1 && outlier != 0)  // the column bears nothing the result needs
      for (int64_t k = 0; k < width; ++k) weights.mutable_data<float>()[7 * width + k] = 0;
    maker.constant(name + ".w", std::move(weights));
    maker.constant(name + ".bias", std::move(bias));
    maker.node("Gemm", {from, name + ".w", name + ".bias"}, name + ".y");
    maker.module(name);
    from = name + ".y";
    if (i == 2) break;
    maker.node("Relu", {from}, name + ".r");
    maker.module(name);
    from = name + ".r";
  }
  maker.output(from);
  return maker;
}

CalibrationData random_data(const Model& model, size_t count) {
  CalibrationData data;
  data.name = "test";
  for (size_t k = 0; k < count; ++k)
    data.samples.push_back(std::move(random_inputs(model, {}, {}, k)).value());
  return data;
}

PrecisionRequest all_int8() {
  PrecisionRequest request;
  request.modules[""] = ElementType::i8;
  return request;
}

/// Minus the relative error of the outputs, in per cent of the signal's root mean square.
Score closeness(std::shared_ptr<const Model> model, NamedValues inputs) {
  return [model, inputs](Runnable& runnable) -> Result<double> {
    LATHE_ASSIGN(const auto reference, make_engine_model(model));
    LATHE_ASSIGN(const NamedValues expected, reference->run(inputs, {}));
    LATHE_ASSIGN(const NamedValues got, runnable.run(inputs, {}));
    LATHE_ASSIGN(const TensorDifference difference,
                 compare_tensors(expected.begin()->second.tensor, got.begin()->second.tensor));
    return -std::sqrt(difference.sums.noise / difference.sums.signal);
  };
}

size_t count(const Graph& graph, const std::string& op_type) {
  size_t found = 0;
  for (const Node& node : graph.nodes()) found += node.alive && node.op_type == op_type;
  return found;
}

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

TEST(Int8, RulesKeepProductsOfTwoActivationsWide) {
  ModelMaker maker(17);
  maker.input("x", {4, 4});
  maker.node("MatMul", {"x", "x"}, "y");
  maker.output("y");
  Int8Wishes wishes;
  wishes.modules = &maker.model.modules;
  wishes.asked = {true};
  const auto plan = plan_int8(maker.model.graph, wishes, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_FALSE(plan->nodes[0].int8);
  EXPECT_EQ(plan->nodes[0].rule, "two_activations");
  EXPECT_TRUE(plan->tensors.empty());
}

TEST(Int8, AnExcludedModuleStaysWideAndAWrongNameIsRefused) {
  const Model model = chain(0).model;
  PrecisionRequest request = all_int8();
  request.exclude = {"b"};
  const auto wishes = int8_wishes(model.modules, request);
  ASSERT_TRUE(wishes.ok());
  const auto plan = plan_int8(model.graph, *wishes, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_FALSE(plan->of(*model.graph.find_node("Gemm:b.y")).int8);
  EXPECT_EQ(plan->of(*model.graph.find_node("Gemm:b.y")).reason, "module 'b' is excluded");
  EXPECT_TRUE(plan->of(*model.graph.find_node("Gemm:c.y")).int8);
  request.exclude = {"bb"};
  const auto refused = int8_wishes(model.modules, request);
  ASSERT_FALSE(refused.ok());
  ASSERT_FALSE(refused.error().hints.empty());
  EXPECT_NE(refused.error().hints[0].find("did you mean"), std::string::npos);
}

}  // namespace
}  // namespace lathe
