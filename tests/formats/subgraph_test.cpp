// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "engine/graph/text_form.h"
#include "engine/graph/verify.h"
#include "tests/formats/make_model.h"

namespace lathe {
namespace {

const std::string boolean_c = "input { name: 'c' type { tensor_type { elem_type: 9 shape { } } } }";

std::string branch(const std::string& name, const std::string& content) {
  return "attribute { name: '" + name + "' type: 5 g { name: '" + name + "' " + content + " } }";
}

/// If in If: the innermost graph reads x of the main graph and t of the middle one.
std::string nested_model() {
  const std::string innermost =
      "node { name: 'add' op_type: 'Add' input: 'x' input: 't' output: 'r' } output { name: 'r' }";
  const std::string other =
      "node { name: 'id' op_type: 'Identity' input: 't' output: 'q' } output { name: 'q' }";
  const std::string middle =
      "node { name: 'neg' op_type: 'Neg' input: 'w' output: 't' }"
      "node { name: 'inner' op_type: 'If' input: 'c' output: 'm' " +
      branch("then_branch", innermost) + branch("else_branch", other) + "} output { name: 'm' }";
  return model_bytes(
      "input " + float_value("x", "dim { dim_value: 2 }") + boolean_c +
      "initializer { name: 'w' dims: 2 data_type: 1 float_data: [1, 2] } output { name: 'y' }"
      "node { name: 'outer' op_type: 'If' input: 'c' output: 'y' " +
      branch("then_branch", middle) +
      branch("else_branch", "node { op_type: 'Identity' input: 'x' output: 'z' } output { name: 'z' }") +
      "}");
}

const Graph& body(const Graph& graph, const std::string& node, const std::string& attribute) {
  return **graph.node(*graph.find_node(node)).attributes.get<std::shared_ptr<Graph>>(attribute);
}

std::vector<std::string> captured_names(const Graph& outer, const Graph& inner) {
  std::vector<std::string> names;
  for (const Capture& capture : inner.captures()) names.push_back(outer.value(capture.outer).name);
  return names;
}

TEST(Subgraph, EveryGraphInBetweenCapturesToo) {
  const auto model = import_good(nested_model());
  const Graph& middle = body(model->graph, "outer", "then_branch");
  const Graph& innermost = body(middle, "inner", "then_branch");
  EXPECT_THAT(captured_names(middle, innermost), testing::UnorderedElementsAre("x", "t"));
  EXPECT_THAT(captured_names(model->graph, middle), testing::UnorderedElementsAre("c", "x", "w"));
  const Node& outer = model->graph.node(*model->graph.find_node("outer"));
  std::vector<std::string> captured;
  for (const ValueId id : outer.captured) captured.push_back(model->graph.value(id).name);
  EXPECT_THAT(captured, testing::UnorderedElementsAre("c", "x", "w"));
  EXPECT_TRUE(innermost.value(innermost.captures()[0].inner).is_capture);
  EXPECT_TRUE(verify(model->graph).empty());
}

TEST(Subgraph, SurvivesWritingAndReading) {
  const auto model = import_good(nested_model());
  const TemporaryFolder folder;
  ASSERT_TRUE(export_onnx(*model, folder / "m.onnx").ok());
  const auto again = import_onnx(folder / "m.onnx");
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(to_text((*again)->graph), to_text(model->graph));
}

TEST(Subgraph, AnOwnValueNeverHidesACapturedOneInTheFile) {
  const auto model = import_good(nested_model());
  // The outer value takes the name of one inside the sub-graph, as a pass might bring about.
  Graph& middle = const_cast<Graph&>(body(model->graph, "outer", "then_branch"));
  GraphEditor main(model->graph);
  const ValueId clash = main.add_constant("t", Tensor::from<float>({2}, {5, 6}));
  Node node;
  node.op_type = "Identity";
  node.version = 17;
  node.inputs = {clash};
  node.outputs = {main.add_value("used")};
  main.add_node(node);
  main.add_output(*model->graph.find_value("used"));
  const TemporaryFolder folder;
  ASSERT_TRUE(export_onnx(*model, folder / "m.onnx").ok());
  const auto again = import_onnx(folder / "m.onnx");
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(captured_names((*again)->graph, body((*again)->graph, "outer", "then_branch")),
            captured_names(model->graph, middle));
}

TEST(Subgraph, ErrorsInsideAreTold) {
  EXPECT_THAT(import_error(model_bytes(
                  boolean_c + "output { name: 'y' } node { name: 'if' op_type: 'If' input: 'c' output: 'y' " +
                  branch("then_branch",
                         "node { name: 'n' op_type: 'Neg' input: 'gone' output: 'r' } output { name: 'r' }") +
                  "}")),
              testing::HasSubstr("node 'n' (Neg): input 0 'gone' is made by nobody"));
}

TEST(Subgraph, DeepNestingIsAnErrorNotACrash) {
  onnx::GraphProto graph;
  graph.set_name("innermost");
  for (int depth = 0; depth < 300; ++depth) {
    onnx::GraphProto outer;
    auto& node = *outer.add_node();
    node.set_op_type("If");
    auto& attribute = *node.add_attribute();
    attribute.set_name("then_branch");
    attribute.set_type(5);
    attribute.mutable_g()->Swap(&graph);
    graph.Swap(&outer);
  }
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.mutable_graph()->Swap(&graph);
  EXPECT_THAT(import_error(model.SerializeAsString()), testing::HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace lathe
