// SPDX-License-Identifier: Apache-2.0
// Graphs, weights, outputs, conversions and tables of times against hand-made differences.
#include <cmath>
#include <gmock/gmock.h>

#include "profiler/compare/compare_conversions.h"
#include "profiler/compare/compare_graphs.h"
#include "profiler/compare/compare_times.h"
#include "profiler/compare/compare_values.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// x -> Conv-like "Mul" by w in module "body" -> Relu in "act" -> y
struct Net {
  Model model;
  GraphEditor editor{model.graph};
  ValueId x, w, m, y;

  explicit Net(float weight = 2) {
    x = editor.add_input("x", TypeInfo::tensor(ElementType::f32, Dims{Dim(2)}));
    w = editor.add_constant("w", Tensor::from<float>({2}, {weight, 4}));
    m = editor.add_value("m", TypeInfo::tensor(ElementType::f32, Dims{Dim(2)}));
    y = editor.add_value("y", TypeInfo::tensor(ElementType::f32, Dims{Dim(2)}));
    add("mul", "Mul", "body", {x, w}, {m});
    add("relu", "Relu", "act", {m}, {y});
    editor.add_output(y);
  }
  NodeId add(const std::string& name, const std::string& op, const std::string& module,
             std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
    Node node;
    node.name = name;
    node.op_type = op;
    node.version = 17;
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    node.module = model.modules.add(module);
    return editor.add_node(std::move(node));
  }
  GraphSide side() const {
    return {model, [this](ValueId id) { return model.graph.value(id).type; }};
  }
};

TEST(CompareGraphs, AModelIsLikeItself) {
  const Net a, b;
  const GraphComparison result = compare_graphs(a.side(), b.side());
  EXPECT_TRUE(result.identical());
  EXPECT_EQ(result.pairs.size(), 2U);
  EXPECT_TRUE(compare_weights(a.model, b.model, result.pairs).all_identical());
}

TEST(CompareGraphs, AnAddedCastIsNamedWithWhatItFeeds) {
  const Net a;
  Net b;
  const ValueId cast = b.editor.add_value("c", TypeInfo::tensor(ElementType::f16, Dims{Dim(2)}));
  b.add("cast", "Cast", "act", {b.m}, {cast});
  b.editor.set_node_inputs(*b.model.graph.find_node("relu"), {cast});
  b.editor.set_type(b.y, TypeInfo::tensor(ElementType::f16, Dims{Dim(2)}));
  const GraphComparison result = compare_graphs(a.side(), b.side());
  EXPECT_EQ(result.added, 1);
  EXPECT_EQ(result.changed, 1);
  EXPECT_EQ(result.removed, 0);
  ASSERT_EQ(result.modules.size(), 1U);
  EXPECT_EQ(result.modules[0].path, "act");
  EXPECT_THAT(result.interface, ElementsAre("output 'y': f32[2] -> f16[2]"));
  for (const NodeDifference& node : result.modules[0].nodes)
    if (node.kind == NodeDifference::Kind::changed) {
      EXPECT_THAT(node.changes,
                  ElementsAre(HasSubstr("input 0: 'm' of mul -> 'c' of cast"), "output 0: f32[2] -> f16[2]"));
    }
}

TEST(CompareGraphs, RenamedNodesAreFoundByTheirPlace) {
  const Net a;
  Net b;
  b.editor.remove_node(*b.model.graph.find_node("mul"));
  b.add("other_name", "Mul", "body", {b.x, b.w}, {b.m});
  EXPECT_TRUE(compare_graphs(a.side(), b.side()).identical());
}

TEST(CompareGraphs, AnotherOperatorAndAttributesAreChanges) {
  Net a, b;
  a.editor.set_attribute(*a.model.graph.find_node("mul"), "k", int64_t{1});
  b.editor.set_attribute(*b.model.graph.find_node("mul"), "k", int64_t{2});
  b.editor.set_attribute(*b.model.graph.find_node("mul"), "s", std::string("x"));
  b.editor.remove_node(*b.model.graph.find_node("relu"));
  b.add("relu", "Sigmoid", "act", {b.m}, {b.y});
  const GraphComparison result = compare_graphs(a.side(), b.side());
  EXPECT_EQ(result.changed, 2);
  ASSERT_EQ(result.modules.size(), 2U);
  EXPECT_THAT(result.modules[0].nodes[0].changes,
              ElementsAre("attribute 'k': 1 -> 2", "attribute 's': not set -> 'x'"));
  EXPECT_THAT(result.modules[1].nodes[0].changes, ElementsAre("operator: Relu -> Sigmoid"));
}

TEST(CompareWeights, ErrorsByHand) {
  const Net a(2), b(3);
  const WeightComparison result = compare_weights(a.model, b.model, compare_graphs(a.side(), b.side()).pairs);
  ASSERT_EQ(result.different.size(), 1U);
  const ValueDifference& weight = result.different[0];
  EXPECT_EQ(weight.name, "w");
  EXPECT_EQ(weight.module, "body");
  EXPECT_DOUBLE_EQ(weight.difference->max_abs, 1);
  EXPECT_DOUBLE_EQ(weight.mean_abs, 0.5);
  EXPECT_NEAR(weight.difference->snr_db, 10 * std::log10(20.0), 1e-9);  // (4 + 16) / 1
}

TEST(CompareWeights, FoundByPlaceUnderAnotherName) {
  const Net a;
  Net b;
  const ValueId renamed = b.editor.add_constant("v", Tensor::from<float>({2}, {2, 4}));
  b.editor.set_node_inputs(*b.model.graph.find_node("mul"), {b.x, renamed});
  const auto result = compare_weights(a.model, b.model, compare_graphs(a.side(), b.side()).pairs);
  EXPECT_EQ(result.compared, 1U);
  EXPECT_TRUE(result.all_identical());
}

TEST(CompareOutputs, ShapesAndMissingOnesAreSaidNotCompared) {
  const std::map<std::string, RuntimeValue> a = {{"p", Tensor::from<float>({2}, {1, 0})},
                                                 {"q", Tensor::from<float>({2}, {1, 1})},
                                                 {"r", Tensor::from<float>({1}, {1})}};
  const std::map<std::string, RuntimeValue> b = {{"p", Tensor::from<float>({2}, {0, 1})},
                                                 {"q", Tensor::from<float>({1, 2}, {1, 1})}};
  const auto result = compare_outputs(a, b);
  ASSERT_EQ(result.size(), 3U);
  EXPECT_DOUBLE_EQ(result[0].difference->cosine, 0);
  EXPECT_DOUBLE_EQ(result[0].mean_abs, 1);
  EXPECT_THAT(result[1].reason, HasSubstr("shapes differ"));
  EXPECT_EQ(result[2].reason, "only in A");
}

TEST(CompareTimes, PerRunAndLargestChangeFirst) {
  Statistics a, b;
  a.runs = 2;
  b.runs = 1;
  const auto row = [](const char* name, int64_t self, int64_t calls) {
    StatisticsEntry entry;
    entry.name = name;
    entry.self_ns = self;
    entry.calls = calls;
    return entry;
  };
  a.classes = {row("Conv2d", 200, 4), row("ReLU", 20, 2)};
  b.classes = {row("ReLU", 60, 1), row("Conv2d", 90, 2), row("Linear", 5, 1)};
  const TimeComparison result = compare_times(a, b);
  ASSERT_EQ(result.classes.size(), 3U);
  EXPECT_EQ(result.classes[0].name, "ReLU");
  EXPECT_DOUBLE_EQ(result.classes[0].self_change(), 50);
  EXPECT_EQ(result.classes[1].name, "Conv2d");
  EXPECT_DOUBLE_EQ(result.classes[1].self_a, 100);
  EXPECT_FALSE(result.classes[2].in_a);
  EXPECT_FALSE(result.same_structure());
}

TEST(CompareConversions, StatesSettingsAndAccuracy) {
  const auto model = std::make_shared<Model>(Net().model);
  Conversion a, b;
  a.model = b.model = model;
  ModuleOutcome outcome;
  outcome.module = *model->modules.find("body");
  outcome.status = ModuleStatus::failed;
  outcome.failure.emplace().cause = FailureCause::dynamic_shape;
  a.outcomes = {outcome};
  outcome.status = ModuleStatus::success;
  outcome.failure.reset();
  b.outcomes = {outcome};
  b.configuration.input_shapes["x"] = {2};
  const Distribution none;
  const Statistics times;
  const std::map<std::string, double> before = {{"AP", 0.5}}, after = {{"AP", 0.25}, {"AP50", 0.75}};
  const auto result = compare_conversions({a, none, before, times}, {b, none, after, times});
  EXPECT_FALSE(result.same_outcome());
  ASSERT_EQ(result.modules.size(), 1U);
  EXPECT_EQ(result.modules[0].cause_a, "dynamic_shape");
  EXPECT_EQ(result.modules[0].status_b, "success");
  ASSERT_EQ(result.settings.size(), 1U);
  EXPECT_EQ(result.settings[0].key, "input_shapes/x");
  EXPECT_EQ(result.settings[0].b, "[2]");
  EXPECT_FALSE(result.accuracy.at("AP50").a.has_value());
  EXPECT_TRUE(compare_conversions({a, none, before, times}, {a, none, before, times}).same_outcome());
}

}  // namespace
}  // namespace lathe
