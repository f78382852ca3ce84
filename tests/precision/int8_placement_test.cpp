// SPDX-License-Identifier: Apache-2.0
// What is quantised and what is not, and why; the form that is quantised.
#include <gtest/gtest.h>

#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

/// The rule that keeps the only product of the model wide; "product" where none does.
std::string rule_of(const ModelMaker& maker) {
  Int8Wishes wishes;
  wishes.modules = &maker.model.modules;
  wishes.asked = {true};
  const auto plan = plan_int8(maker.model.graph, wishes, {});
  if (!plan.ok()) return plan.error().text();
  for (const NodeId id : plan->order)
    if (plan->of(id).product) return plan->of(id).rule;
  return "no product";
}

std::string rule_for(const char* op_type, Tensor weights, std::vector<int64_t> data = {2, 4},
                     std::vector<std::pair<std::string, AttributeValue>> attributes = {}) {
  ModelMaker maker(17);
  maker.input("x", std::move(data));
  maker.constant("w", std::move(weights));
  maker.node(op_type, {"x", "w"}, "y", std::move(attributes));
  maker.output("y");
  return rule_of(maker);
}

TEST(Int8, EachRuleKeepsWideWhatItIsForAndLeavesTheNearMissAlone) {
  const auto weights = [](Shape shape) { return random_tensor(std::move(shape), 1, 1); };
  EXPECT_EQ(rule_for("MatMul", weights({4, 3})), "product");
  EXPECT_EQ(rule_for("MatMul", weights({2, 4, 3}), {2, 2, 4}), "weight_form") << "a batch of matrices";
  EXPECT_EQ(rule_for("MatMul", weights({4, 3}), {4}), "weight_form") << "a vector";
  Tensor infinite = weights({4, 3});
  infinite.mutable_data<float>()[5] = INFINITY;
  EXPECT_EQ(rule_for("MatMul", std::move(infinite)), "weight_form");
  EXPECT_EQ(rule_for("Conv", weights({3, 4, 1, 1}), {1, 4, 5, 5}), "product");
  EXPECT_EQ(rule_for("Gemm", weights({3, 4}), {2, 4}, {{"transB", int64_t{1}}}), "product");
  EXPECT_EQ(rule_for("Gemm", weights({2, 3}), {2, 4}, {{"transA", int64_t{1}}}), "plain_gemm");
  EXPECT_EQ(rule_for("Gemm", weights({4, 3}), {2, 4}, {{"alpha", 0.5F}}), "plain_gemm");
  ModelMaker constant(17);
  constant.constant("c", weights({2, 4}));
  constant.constant("w", weights({4, 3}));
  constant.node("MatMul", {"c", "w"}, "y");
  constant.output("y");
  EXPECT_EQ(rule_of(constant), "constant_data");
}

TEST(Int8, ATensorThatOnlyAPartialPlanQuantisesByItselfIsCalibratedToo) {
  // MaxPool moves the 8-bit result of a; with a wide, what b reads has a range of its own.
  ModelMaker maker(17);
  maker.input("x", {1, 4, 8, 8});
  maker.constant("a.w", random_tensor({4, 4, 1, 1}, 1, 1));
  maker.constant("b.w", random_tensor({4, 4, 1, 1}, 2, 1));
  maker.node("Conv", {"x", "a.w"}, "a");
  maker.module("a");
  maker.node("MaxPool", {"a"}, "p", {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  maker.node("Conv", {"p", "b.w"}, "b");
  maker.module("b");
  maker.output("b");
  const CalibrationData data = random_data(maker.model, 2);
  const auto made = on_executor([&] {
    Int8Request request;
    request.precision = all_int8();
    request.data = &data;
    return lower_to_int8(maker.model, request, {});
  });
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(made->report.ranking.size(), 2U);
}

/// Else ONNX Runtime makes a Gemm of the two, which it does not run in 8 bit.
TEST(Int8, ABiasBehindAMatMulHasAllAxesOfTheProduct) {
  ModelMaker maker(17);
  maker.input("x", {1, 8, width});
  maker.constant("w", random_tensor({width, width}, 1, 1));
  maker.constant("bias", random_tensor({width}, 2, 1));
  maker.node("MatMul", {"x", "w"}, "m");
  maker.node("Add", {"bias", "m"}, "y");
  maker.output("y");
  const CalibrationData data = random_data(maker.model, 2);
  const auto made = on_executor([&] {
    Int8Request request;
    request.precision = all_int8();
    request.data = &data;
    return lower_to_int8(maker.model, request, {});
  });
  ASSERT_TRUE(made.ok()) << made.error().text();
  const Graph& graph = made->model->graph;
  const Tensor* bias = graph.constant(graph.node(*graph.find_node("Add:y")).inputs[0]);
  ASSERT_NE(bias, nullptr);
  EXPECT_EQ(bias->shape(), (Shape{1, 1, width}));
}

TEST(Int8, ANormalisationWithSharedWeightsIsFolded) {
  ModelMaker maker(17);
  maker.input("x", {1, 2, 4, 4});
  maker.constant("w", random_tensor({2, 2, 1, 1}, 1, 1));
  maker.constant("scale", random_tensor({1, 2, 1, 1}, 2, 1));
  maker.node("Identity", {"scale"}, "same");
  maker.node("Conv", {"x", "w"}, "c");
  maker.node("Mul", {"c", "same"}, "m");
  maker.node("Add", {"m", "same"}, "a");
  maker.node("Relu", {"a"}, "y");
  maker.output("y");
  const auto prepared = prepared_for_int8(maker.model);
  ASSERT_TRUE(prepared.ok()) << prepared.error().text();
  EXPECT_EQ(count((*prepared)->graph, "Conv"), 1U);
  EXPECT_EQ((*prepared)->graph.node_count(), 2U) << "Conv and Relu";
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

TEST(Int8, ProductsOfAttentionStayWideForReasonsOfTheirOwn) {
  ModelMaker maker(17);
  maker.input("q", {4, 8});
  maker.input("k", {8, 4});
  maker.input("v", {4, 8});
  maker.constant("scale", Tensor::scalar(0.5F));
  maker.node("MatMul", {"q", "k"}, "scores");
  maker.node("Mul", {"scores", "scale"}, "scaled");
  maker.node("Softmax", {"scaled"}, "p");
  maker.node("MatMul", {"p", "v"}, "y");
  maker.node("MatMul", {"y", "k"}, "z");
  maker.output("z");
  Int8Wishes wishes;
  wishes.modules = &maker.model.modules;
  wishes.asked = {true};
  const auto plan = plan_int8(maker.model.graph, wishes, {});
  ASSERT_TRUE(plan.ok());
  const auto rule = [&](const char* node) { return plan->of(*maker.model.graph.find_node(node)).rule; };
  EXPECT_EQ(rule("MatMul:scores"), "attention");
  EXPECT_EQ(rule("MatMul:y"), "attention");
  EXPECT_EQ(rule("MatMul:z"), "two_activations") << "nothing makes probabilities of it";
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
