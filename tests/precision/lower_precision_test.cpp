// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/precision/make_model.h"

namespace lathe {
namespace {

/// x -> MatMul -> Relu -> MatMul -> y, weights too large for the rule about outputs.
ModelMaker chain() {
  ModelMaker maker;
  maker.input("x", {2, 4});
  maker.weight("w1", {4, 600});
  maker.weight("w2", {600, 600});
  maker.node("MatMul", {"x", "w1"}, "a");
  maker.module("first");
  maker.node("Relu", {"a"}, "b");
  maker.module("act");
  maker.node("MatMul", {"b", "w2"}, "y");
  maker.module("second");
  maker.output("y");
  return maker;
}

PrecisionReport lowered(Model& model, const PrecisionRequest& asked) {
  auto report = lower_precision(model, asked);
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().text());
  return report.ok() ? std::move(*report) : PrecisionReport();
}

size_t count(const Graph& graph, const std::string& op_type) {
  size_t found = 0;
  for (const Node& node : graph.nodes()) found += node.alive && node.op_type == op_type;
  return found;
}

TEST(LowerPrecision, CastsStandAtTheBordersOnly) {
  ModelMaker maker = chain();
  const PrecisionReport report = lowered(maker.model, request(ElementType::bf16));
  const Graph& graph = maker.model.graph;
  EXPECT_EQ(report.casts, 2U);
  EXPECT_EQ(count(graph, "Cast"), 2U);
  EXPECT_EQ(type_of(graph, "x"), ElementType::f32);
  EXPECT_EQ(type_of(graph, "a"), ElementType::bf16);
  EXPECT_EQ(type_of(graph, "b"), ElementType::bf16);
  EXPECT_EQ(type_of(graph, "y"), ElementType::f32);
  EXPECT_EQ(graph.value(graph.outputs().front()).name, "y");
}

TEST(LowerPrecision, WeightsBecomeNarrowInitializersUnderTheirNames) {
  ModelMaker maker = chain();
  lowered(maker.model, request(ElementType::f16));
  const Graph& graph = maker.model.graph;
  const Value& weight = graph.value(*graph.find_value("w1"));
  EXPECT_EQ(weight.constant.type(), ElementType::f16);
  EXPECT_EQ(static_cast<float>(weight.constant.data<F16>()[0]), 0.5F);
  EXPECT_EQ(weight.type.element, ElementType::f16);
}

TEST(LowerPrecision, AWeightReadInBothTypesIsKeptTwice) {
  ModelMaker maker = chain();
  maker.node("Pow", {"w1", "w1"}, "z");
  maker.output("z");
  lowered(maker.model, request(ElementType::f16));
  const Graph& graph = maker.model.graph;
  EXPECT_EQ(graph.value(*graph.find_value("w1")).constant.type(), ElementType::f32);
  EXPECT_EQ(graph.value(*graph.find_value("w1_fp16")).constant.type(), ElementType::f16);
}

TEST(LowerPrecision, OneCastServesAllReaders) {
  ModelMaker maker = chain();
  maker.node("MatMul", {"x", "w1"}, "c");
  maker.node("MatMul", {"c", "w2"}, "z");
  maker.output("z");
  const PrecisionReport report = lowered(maker.model, request(ElementType::bf16));
  EXPECT_EQ(report.casts, 3U);  // x once, y and z
}

TEST(LowerPrecision, ModulesInheritAndExcludedOnesStay) {
  ModelMaker maker = chain();
  PrecisionRequest asked = request(ElementType::bf16);
  asked.modules["second"] = ElementType::f32;
  PrecisionReport report = lowered(maker.model, asked);
  EXPECT_EQ(fact(report, "MatMul:a")->precision, ElementType::bf16);
  EXPECT_EQ(fact(report, "MatMul:y")->precision, ElementType::f32);
  EXPECT_EQ(fact(report, "MatMul:y")->reason, "module 'second' is set to fp32");
  // The cast belongs to the module that needs it.
  const Graph& graph = maker.model.graph;
  const NodeId cast = graph.value(graph.node(fact(report, "MatMul:y")->id).inputs[0]).producer;
  EXPECT_EQ(maker.model.modules[graph.node(cast).module].path, "second");

  ModelMaker other = chain();
  asked = request(ElementType::bf16);
  asked.exclude = {"first"};
  asked.modules["first"] = ElementType::f16;  // exclusion is stronger
  report = lowered(other.model, asked);
  EXPECT_EQ(fact(report, "MatMul:a")->reason, "module 'first' is excluded");
  EXPECT_EQ(fact(report, "MatMul:y")->precision, ElementType::bf16);
}

TEST(LowerPrecision, TwoNarrowTypesMeetInOneCast) {
  ModelMaker maker = chain();
  PrecisionRequest asked = request(ElementType::bf16);
  asked.modules["second"] = ElementType::f16;
  const PrecisionReport report = lowered(maker.model, asked);
  EXPECT_EQ(fact(report, "Relu:b")->precision, ElementType::bf16);
  EXPECT_EQ(fact(report, "MatMul:y")->precision, ElementType::f16);
  EXPECT_EQ(report.casts, 3U);
}

TEST(LowerPrecision, ACastThatTwoModulesReadBelongsToNeither) {
  ModelMaker maker;
  maker.input("x", {2, 600});
  maker.weight("w", {600, 600});
  maker.node("MatMul", {"x", "w"}, "a");
  maker.module("block.left");
  maker.node("MatMul", {"x", "w"}, "b");
  maker.module("block.right");
  maker.output("a");
  maker.output("b");
  lowered(maker.model, request(ElementType::bf16));
  const Graph& graph = maker.model.graph;
  const NodeId cast = graph.value(*graph.find_value("x_bf16")).producer;
  EXPECT_EQ(maker.model.modules[graph.node(cast).module].path, "block");
}

TEST(LowerPrecision, ModulesListTheirCasts) {
  ModelMaker maker = chain();
  lowered(maker.model, request(ElementType::bf16));
  size_t listed = 0;
  for (const Module& module : maker.model.modules.modules())
    for (const NodeId id : module.nodes) {
      EXPECT_EQ(maker.model.graph.node(id).module, module.id);
      ++listed;
    }
  EXPECT_EQ(listed, maker.model.graph.node_count());
}

TEST(LowerPrecision, ACastOfTheModelsOwnIsTurnedOrPassedBy) {
  ModelMaker maker;
  maker.input("mask", {2, 600}, ElementType::boolean);
  maker.input("half", {2, 600}, ElementType::f16);
  maker.weight("w", {600, 600});
  maker.node("Cast", {"mask"}, "a", {{"to", int64_t{1}}});
  maker.node("Cast", {"half"}, "b", {{"to", int64_t{1}}});
  maker.node("Add", {"a", "b"}, "c");
  maker.node("MatMul", {"c", "w"}, "y");
  maker.output("y");
  const PrecisionReport report = lowered(maker.model, request(ElementType::f16));
  EXPECT_EQ(report.casts, 1U);  // y
  EXPECT_EQ(type_of(maker.model.graph, "a"), ElementType::f16);
  EXPECT_EQ(type_of(maker.model.graph, "b"), ElementType::f16);
}

TEST(LowerPrecision, SizesAreReadWithoutACast) {
  ModelMaker maker = chain();
  maker.node("Shape", {"a"}, "s");
  maker.output("s");
  EXPECT_EQ(lowered(maker.model, request(ElementType::bf16)).casts, 2U);
}

TEST(LowerPrecision, MasksAreClampedAndSaidSo) {
  ModelMaker maker = chain();
  maker.input("keep", {2, 600}, ElementType::boolean);
  maker.constant("lowest", Tensor::scalar<float>(-3.4028235e38F));
  maker.node("Where", {"keep", "a", "lowest"}, "m");
  maker.node("MatMul", {"m", "w2"}, "z");
  maker.output("z");
  const PrecisionReport report = lowered(maker.model, request(ElementType::f16));
  const Graph& graph = maker.model.graph;
  EXPECT_EQ(static_cast<float>(graph.value(*graph.find_value("lowest")).constant.data<F16>()[0]), -65504.0F);
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_EQ(report.notes[0].code, "clamped_constant");
  EXPECT_NE(report.notes[0].message.find("lowest"), std::string::npos);
}

TEST(LowerPrecision, IslandsBetweenWideNodesStayWide) {
  ModelMaker maker;
  maker.input("x", {2, 600});
  maker.weight("two", {1}, 2.0F);
  maker.node("Exp", {"x"}, "a");
  maker.node("Mul", {"a", "two"}, "b");
  maker.node("Log", {"b"}, "y");
  maker.output("y");
  const PrecisionReport report = lowered(maker.model, request(ElementType::bf16));
  EXPECT_EQ(report.casts, 0U);
  EXPECT_EQ(fact(report, "Mul:b")->rule, "islands");
}

TEST(LowerPrecision, NothingAskedChangesNothing) {
  ModelMaker maker = chain();
  const PrecisionReport report = lowered(maker.model, request(ElementType::f32));
  EXPECT_EQ(report.casts, 0U);
  EXPECT_EQ(maker.model.graph.node_count(), 3U);
  EXPECT_FALSE(request(ElementType::f32).asks());
}

TEST(LowerPrecision, AModuleThatDoesNotExistIsNamedWithTheNearest) {
  ModelMaker maker = chain();
  PrecisionRequest asked = request(ElementType::bf16);
  asked.modules["secnd"] = ElementType::f32;
  const auto report = lower_precision(maker.model, asked);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().kind, ErrorKind::usage);
  EXPECT_NE(report.error().text().find("secnd"), std::string::npos);
  ASSERT_EQ(report.error().hints.size(), 1U);
  EXPECT_NE(report.error().hints[0].find("second"), std::string::npos);
}

TEST(LowerPrecision, KeptNodesSayWhy) {
  ModelMaker maker = chain();
  PrecisionRequest asked = request(ElementType::bf16);
  asked.keep["MatMul:a"] = "runs eagerly";
  const PrecisionReport report = lowered(maker.model, asked);
  EXPECT_EQ(fact(report, "MatMul:a")->precision, ElementType::f32);
  EXPECT_EQ(fact(report, "MatMul:a")->reason, "runs eagerly");
}

}  // namespace
}  // namespace lathe
