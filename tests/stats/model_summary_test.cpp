// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/model_summary.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

Tensor zeros(ElementType type, Shape shape) {
  const auto bytes = static_cast<size_t>(element_count(shape)) * element_size(type);
  return Tensor::wrap(type, std::move(shape), Buffer::allocate(bytes).value());
}

TEST(ModelSummary, CountsSharedParametersOnceAndSumsModules) {
  Model model;
  const ModuleId inner = model.modules.add("a.b");
  GraphEditor editor(model.graph);
  const ValueId x = editor.add_input("x", TypeInfo::tensor(ElementType::f32));
  const ValueId weight = editor.add_constant("w", zeros(ElementType::f32, {2, 3}));
  const ValueId shape = editor.add_constant("s", zeros(ElementType::i64, {4}));
  ValueId last = x;
  for (const ModuleId module : {inner, ModuleTree::root()}) {
    Node node;
    node.op_type = "MatMul";
    node.inputs = {last, weight, shape};
    node.outputs = {last = editor.add_value("")};
    node.module = module;
    editor.add_node(std::move(node));
  }
  editor.add_output(last);
  const std::vector<NodeCost> costs = {{10, 100}, {-1, -1}};
  const ModelSummary summary = summarize(model, costs);
  EXPECT_EQ(summary.nodes, 2);
  EXPECT_EQ(summary.parameters.elements, 6);
  EXPECT_EQ(summary.parameters.bytes, 24);
  EXPECT_EQ(summary.flops, 10);
  EXPECT_EQ(summary.unknown_costs, 1);
  ASSERT_EQ(summary.operators.size(), 1u);
  EXPECT_EQ(summary.operators[0].count, 2);
  const ModuleSummary& a = summary.modules[model.modules.find("a")->index];
  EXPECT_EQ(a.nodes, 0);
  EXPECT_EQ(a.total_nodes, 1);
  EXPECT_EQ(a.total_parameters.elements, 6);
  EXPECT_EQ(a.total_flops, 10);
  EXPECT_EQ(summary.modules[0].parameters.elements, 0);
  EXPECT_EQ(summary.modules[0].total_parameters.elements, 6);
}

}  // namespace
}  // namespace lathe
