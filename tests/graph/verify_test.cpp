// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/verify.h"

#include <gtest/gtest.h>

#include "tests/graph/make_graph.h"

namespace lathe {
namespace {

class Verify : public testing::Test {
 protected:
  Graph graph;
  GraphMaker make{graph};
  bool finds(const std::string& code) const {
    for (const Finding& finding : verify(graph))
      if (finding.code == code) return true;
    return false;
  }
};

TEST_F(Verify, ASoundGraphHasNoFindings) {
  make.node("a", "Relu", {"x"}, {"y"});
  make.output("y");
  EXPECT_TRUE(verify(graph).empty());
}

TEST_F(Verify, FindsValuesNobodyMakes) {
  make.editor().add_value("lost");
  make.node("a", "Relu", {"lost"}, {"y"});
  EXPECT_TRUE(finds("unmade_value"));
}

TEST_F(Verify, FindsSecondProducers) {
  make.node("a", "Relu", {"x"}, {"y"});
  make.node("b", "Relu", {"x"}, {"y"});
  EXPECT_TRUE(finds("single_assignment"));
}

TEST_F(Verify, FindsCycles) {
  make.editor().add_value("u");
  make.node("a", "Add", {"x", "u"}, {"y"});
  make.node("b", "Relu", {"y"}, {"u"});
  EXPECT_TRUE(finds("cycle"));
}

TEST_F(Verify, FindsIdsOutOfRange) {
  const NodeId node = make.node("a", "Relu", {"x"}, {"y"});
  const_cast<Node&>(graph.node(node)).inputs[0] = ValueId(size_t{99});
  EXPECT_TRUE(finds("link"));
}

TEST_F(Verify, FindsForgottenConsumers) {
  const NodeId node = make.node("a", "Relu", {"x"}, {"y"});
  const_cast<Node&>(graph.node(node)).inputs.clear();
  EXPECT_TRUE(finds("link"));
}

TEST_F(Verify, FindsCapturesTheNodeDoesNotList) {
  auto body = std::make_shared<Graph>();
  GraphEditor inner(*body);
  const NodeId node = make.node("if", "If", {"c"}, {"y"});
  const ValueId c = *graph.find_value("c");
  inner.add_output(inner.add_capture(c, "c", {}));
  make.editor().set_attribute(node, "then_branch", body);
  EXPECT_TRUE(finds("capture"));
  make.editor().set_node_captured(node, {c});
  EXPECT_TRUE(verify(graph).empty());
}

}  // namespace
}  // namespace lathe
