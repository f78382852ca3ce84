// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/text_form.h"

#include <gtest/gtest.h>

#include "tests/graph/make_graph.h"

namespace lathe {
namespace {

TEST(TextForm, PrintsOneLineANode) {
  Graph graph;
  graph.name = "g";
  GraphMaker make(graph);
  make.editor().add_constant("k", Tensor::from<int64_t>({2}, {1, -1}));
  const NodeId node = make.node("r", "Reshape", {"x", "k"}, {"y"});
  make.editor().set_attribute(node, "allowzero", int64_t{1});
  make.editor().set_attribute(node, "note", std::string("a \"b\""));
  make.editor().set_type(*graph.find_value("y"),
                         TypeInfo::tensor(ElementType::f32, Dims{Dim(2), Dim::symbol("n")}));
  make.output("y");
  EXPECT_EQ(to_text(graph),
            "graph \"g\"\n"
            "input x: f32[?]\n"
            "constant k = i64[2][1, -1]\n"
            "y: f32[2xn] = Reshape-17(x, k) {allowzero=1, note=\"a \\\"b\\\"\"}  # r\n"
            "output y: f32[2xn]\n");
}

TEST(TextForm, IndentsSubgraphs) {
  Graph graph;
  GraphMaker make(graph);
  const NodeId node = make.node("if", "If", {"c"}, {"y"});
  auto body = std::make_shared<Graph>();
  GraphMaker inner(*body);
  inner.node("n", "Neg", {"z"}, {"w"});
  make.editor().set_attribute(node, "then_branch", body);
  const std::string text = to_text(graph);
  EXPECT_NE(text.find("  then_branch:\n  graph \"\"\n  input z: f32[?]\n  w = Neg-17(z)  # n\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace lathe
