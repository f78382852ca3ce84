// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/raise_opset.h"

#include <gtest/gtest.h>

#include "tests/precision/make_model.h"

namespace lathe {
namespace {

TEST(RaiseOpset, AxesBecomeAnInput) {
  ModelMaker maker(13);
  maker.input("x", {2, 4});
  maker.node("ReduceMean", {"x"}, "y", {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}});
  maker.output("y");
  EXPECT_EQ(reachable_opset(maker.model, 22).version, 22);
  ASSERT_TRUE(raise_opset(maker.model, 22).ok());
  const Graph& graph = maker.model.graph;
  const Node& node = graph.node(*graph.find_node("ReduceMean:y"));
  EXPECT_EQ(node.version, 22);
  EXPECT_FALSE(node.attributes.has("axes"));
  EXPECT_EQ(node.attributes.get_int("keepdims", 1), 0);
  ASSERT_EQ(node.inputs.size(), 2U);
  EXPECT_EQ(graph.constant(node.inputs[1])->to_int64(), std::vector<int64_t>{1});
  EXPECT_EQ(maker.model.opsets.at(""), 22);
  EXPECT_GE(maker.model.ir_version, 10);
}

TEST(RaiseOpset, AnOperatorThatChangedTwiceIsAdaptedTwice) {
  ModelMaker maker(11);
  maker.input("x", {2, 4});
  maker.node("Split", {"x"}, "y", {{"axis", int64_t{1}}});
  maker.output("y");
  ASSERT_TRUE(raise_opset(maker.model, 18).ok());
  const Graph& graph = maker.model.graph;
  const Node& node = graph.node(*graph.find_node("Split:y"));
  EXPECT_EQ(node.inputs.size(), 1U);
  EXPECT_EQ(node.attributes.get_int("num_outputs", 0), 1);
}

TEST(RaiseOpset, ASoftmaxOverSeveralAxesStandsInTheWay) {
  ModelMaker maker(11);
  maker.input("x", {2, 3, 4});
  maker.node("Softmax", {"x"}, "y");  // flattens axes 1 and 2
  maker.output("y");
  const OpsetLimit limit = reachable_opset(maker.model, 22);
  EXPECT_EQ(limit.version, 12);
  EXPECT_NE(limit.blocker.find("Softmax:y"), std::string::npos);
}

TEST(RaiseOpset, BfloatConvolutionsRaiseItAndHalfOnesDoNot) {
  const auto opset_after = [](ElementType type) {
    ModelMaker maker(17);
    maker.input("x", {1, 3, 8, 8});
    maker.weight("w", {400, 3, 3, 3});
    maker.weight("v", {1000, 400, 1, 1});
    maker.node("Conv", {"x", "w"}, "h");
    maker.node("Conv", {"h", "v"}, "y");
    maker.output("y");
    const auto report = lower_precision(maker.model, request(type));
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report->opset_before, 17);
    EXPECT_EQ(fact(*report, "Conv:h")->precision, type);
    return report->opset_after;
  };
  EXPECT_EQ(opset_after(ElementType::bf16), 22);
  EXPECT_EQ(opset_after(ElementType::f16), 17);
}

TEST(RaiseOpset, WhatCannotBeRaisedStaysWideAndSaysWhy) {
  ModelMaker maker(17);
  maker.input("x", {1, 3, 8, 8});
  maker.weight("w", {400, 3, 3, 3});
  maker.weight("v", {600, 600});
  maker.input("r", {2, 600});
  maker.node("Conv", {"x", "w"}, "h");
  maker.node("MatMul", {"r", "v"}, "m");
  maker.input("signal", {1, 16, 1});
  maker.node("DFT", {"signal"}, "d");
  maker.output("h");
  maker.output("m");
  maker.output("d");
  const auto report = lower_precision(maker.model, request(ElementType::bf16));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->opset_after, 17);
  EXPECT_EQ(fact(*report, "MatMul:m")->precision, ElementType::bf16);
  EXPECT_EQ(fact(*report, "DFT:d")->precision, ElementType::f32);
}

}  // namespace
}  // namespace lathe
