// SPDX-License-Identifier: Apache-2.0
// Operator sets newer than this build are not taken silently for older ones.
#include <algorithm>

#include "engine/ops/inference.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Findings findings_of(int version, const char* domain = "", const char* op = "Relu") {
  Graph graph;
  GraphEditor editor(graph);
  ValueId value = editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim(2)}));
  for (const char* name : {"a", "b"}) {
    Node node = make_node(op, version, domain);
    node.name = name;
    node.inputs = {value};
    node.outputs = {value = editor.add_value(std::string(name) + "_out")};
    editor.add_node(std::move(node));
  }
  editor.add_output(value);
  return infer(graph).findings;
}

TEST(Versions, NewerOperatorSetsAreReportedOnce) {
  const int newest = operators().newest_version("");
  EXPECT_GE(newest, 28);
  EXPECT_EQ(operators().newest_version("ai.onnx"), newest);
  EXPECT_EQ(operators().newest_version("not.there"), 0);
  EXPECT_TRUE(findings_of(newest).empty());
  const Findings findings = findings_of(newest + 1);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "newer_opset");
  EXPECT_EQ(findings[0].severity, Severity::warning);
}

TEST(Versions, EveryOperatorListsItsVersionsInOrder) {
  for (const Operator& op : operators().all()) {
    ASSERT_FALSE(op.versions.empty()) << op.name;
    EXPECT_TRUE(std::is_sorted(op.versions.begin(), op.versions.end())) << op.name;
  }
}

}  // namespace
}  // namespace lathe::test
