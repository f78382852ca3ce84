// SPDX-License-Identifier: Apache-2.0
// Sub-graphs: casts inside bodies, values captured from around them.
#include <gtest/gtest.h>

#include "engine/graph/verify.h"
#include "tests/precision/make_model.h"

namespace lathe {
namespace {

/// x -> MatMul -> h; If(c) { MatMul(h, w) } else { Exp(h) } -> y. Both bodies capture h, one captures w.
struct Branches : ModelMaker {
  std::shared_ptr<Graph> then_body = std::make_shared<Graph>(), else_body = std::make_shared<Graph>();

  Branches() {
    input("x", {2, 600});
    input("c", {}, ElementType::boolean);
    const ValueId w = weight("w", {600, 600});
    weight("w0", {600, 600});
    node("MatMul", {"x", "w0"}, "h");
    const ValueId h = *model.graph.find_value("h");
    const TypeInfo type = TypeInfo::tensor(ElementType::f32, to_dims(Shape{2, 600}));
    body(*then_body, "MatMul",
         {capture(*then_body, h, "h_then", type), capture(*then_body, w, "w_then", type)});
    body(*else_body, "Exp", {capture(*else_body, h, "h_else", type)});
    Node node;
    node.name = "If";
    node.op_type = "If";
    node.version = 22;
    node.inputs = {*model.graph.find_value("c")};
    node.outputs = {editor().add_value("y")};
    node.captured = {h, w};
    node.attributes.set("then_branch", then_body);
    node.attributes.set("else_branch", else_body);
    editor().add_node(std::move(node));
    output("y");
  }
  static ValueId capture(Graph& graph, ValueId outer, const std::string& name, const TypeInfo& type) {
    return GraphEditor(graph).add_capture(outer, name, type);
  }
  static void body(Graph& graph, const std::string& op_type, std::vector<ValueId> inputs) {
    GraphEditor editor(graph);
    Node node;
    node.name = op_type;
    node.op_type = op_type;
    node.version = 22;
    node.inputs = std::move(inputs);
    node.outputs = {editor.add_value(op_type + "_out")};
    const ValueId made = node.outputs[0];
    editor.add_node(std::move(node));
    editor.add_output(made);
  }
};

const Graph& body_of(const Graph& graph, const std::string& attribute) {
  const Node& node = graph.node(*graph.find_node("If"));
  return **node.attributes.get<std::shared_ptr<Graph>>(attribute);
}

TEST(LowerPrecisionInBodies, NarrowValuesAreCapturedAsTheyAre) {
  Branches maker;
  const auto report = lower_precision(maker.model, request(ElementType::bf16));
  ASSERT_TRUE(report.ok()) << report.error().text();
  const Graph& graph = maker.model.graph;
  EXPECT_TRUE(verify(graph).empty());
  EXPECT_EQ(type_of(graph, "h"), ElementType::bf16);
  const Graph& then_body = body_of(graph, "then_branch");
  EXPECT_EQ(type_of(then_body, "h_then"), ElementType::bf16);
  EXPECT_EQ(type_of(then_body, "w_then"), ElementType::bf16);
  EXPECT_EQ(graph.value(*graph.find_value("w")).constant.type(), ElementType::bf16);
  // The body's output keeps its type.
  EXPECT_EQ(type_of(then_body, "MatMul_out"), ElementType::f32);
  EXPECT_EQ(fact(*report, "If/then_branch/MatMul")->precision, ElementType::bf16);
}

TEST(LowerPrecisionInBodies, WideReadersGetACastOutside) {
  Branches maker;
  const auto report = lower_precision(maker.model, request(ElementType::bf16));
  ASSERT_TRUE(report.ok()) << report.error().text();
  const Graph& graph = maker.model.graph;
  const NodePrecision* inside = fact(*report, "If/else_branch/Exp");
  ASSERT_NE(inside, nullptr);
  EXPECT_EQ(inside->precision, ElementType::f32);
  EXPECT_EQ(inside->rule, "exponentials");
  const Graph& else_body = body_of(graph, "else_branch");
  const Value& read = else_body.value(else_body.node(*else_body.find_node("Exp")).inputs[0]);
  EXPECT_TRUE(read.is_capture);
  EXPECT_EQ(read.type.element, ElementType::f32);
  ASSERT_TRUE(graph.find_value("h_fp32"));
  EXPECT_EQ(report->casts, 3U);  // x, h for the else branch, the then branch's output
}

TEST(LowerPrecisionInBodies, TheBodyOfAKeptNodeIsKept) {
  Branches maker;
  PrecisionRequest asked = request(ElementType::bf16);
  asked.keep["If"] = "runs eagerly";
  const auto report = lower_precision(maker.model, asked);
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(fact(*report, "If/then_branch/MatMul")->precision, ElementType::f32);
  EXPECT_EQ(fact(*report, "MatMul:h")->precision, ElementType::bf16);
}

}  // namespace
}  // namespace lathe
