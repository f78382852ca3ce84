// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>

#include "engine/ops/inference.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/executor_thread.h"

namespace lathe {
namespace {

/// y = Relu(x + c) * 2 with x of shape [n, 3].
std::shared_ptr<Model> small_model() {
  auto model = std::make_shared<Model>();
  model->opsets[""] = 17;
  GraphEditor editor(model->graph);
  const TypeInfo type = TypeInfo::tensor(ElementType::f32, Dims{Dim::symbol("n"), Dim(3)});
  const ValueId x = editor.add_input("x", type);
  const ValueId c = editor.add_constant("c", Tensor::from<float>({3}, {1.0F, -2.0F, 0.5F}));
  const ValueId two = editor.add_constant("two", Tensor::scalar(2.0F));
  const auto add = [&](const char* op, const char* name, std::vector<ValueId> inputs) {
    Node node;
    node.op_type = op;
    node.name = name;
    node.version = 14;
    node.module = ModuleTree::root();
    node.inputs = std::move(inputs);
    const ValueId output = editor.add_value(std::string(name) + "_out");
    node.outputs = {output};
    model->modules.edit(ModuleTree::root()).nodes.push_back(editor.add_node(std::move(node)));
    return output;
  };
  const ValueId y = add("Mul", "mul", {add("Relu", "relu", {add("Add", "add", {x, c})}), two});
  editor.add_output(y);
  return model;
}

std::vector<float> floats(const NamedValues& values, const std::string& name) {
  const auto data = values.at(name).tensor.data<float>();
  return {data.begin(), data.end()};
}

class CountingObserver : public RunObserver {
 public:
  void slice(const StepInfo& step, int64_t begin, int64_t end) override {
    EXPECT_LE(begin, end);
    kinds.push_back(step.kind);
  }
  void memory(int64_t, int64_t bytes) override { EXPECT_GE(bytes, 0); }
  std::vector<StepInfo::Kind> kinds;
};

TEST(Executor, EagerAndEngineAgree) {
  run_on_executor([] {
    const auto model = small_model();
    auto eager = make_eager(model);
    auto engine = make_engine_model(model);
    ASSERT_TRUE(eager.ok()) << eager.error().text();
    ASSERT_TRUE(engine.ok()) << engine.error().text();
    for (const int64_t n : {1, 4, 1}) {
      NamedValues inputs;
      std::vector<float> x;
      for (int64_t i = 0; i < 3 * n; ++i) x.push_back(static_cast<float>(i) - 4.0F);
      inputs["x"] = RuntimeValue(Tensor::from<float>({n, 3}, x));
      auto a = (*eager)->run(inputs, {});
      auto b = (*engine)->run(inputs, {});
      ASSERT_TRUE(a.ok()) << a.error().text();
      ASSERT_TRUE(b.ok()) << b.error().text();
      const std::vector<float> want = floats(*a, "mul_out");
      EXPECT_EQ(want.size(), x.size());
      EXPECT_FLOAT_EQ(want[0], 2 * std::max(0.0F, x[0] + 1.0F));
      EXPECT_EQ(want, floats(*b, "mul_out"));
    }
  });
}

TEST(Executor, WrongInputsAreNamed) {
  run_on_executor([] {
    auto eager = make_eager(small_model());
    ASSERT_TRUE(eager.ok());
    const auto expect_error = [&](NamedValues inputs, const std::string& part) {
      const auto result = (*eager)->run(inputs, {});
      ASSERT_FALSE(result.ok());
      EXPECT_NE(result.error().text().find(part), std::string::npos) << result.error().text();
    };
    expect_error({}, "input 'x': is missing");
    expect_error({{"x", RuntimeValue(Tensor::from<float>({2, 4}, std::vector<float>(8)))}}, "2x4");
    expect_error({{"x", RuntimeValue(Tensor::from<double>({1, 3}, std::vector<double>(3)))}}, "f64");
    NamedValues misspelt{{"x", RuntimeValue(Tensor::from<float>({1, 3}, std::vector<float>(3)))}};
    misspelt["xx"] = misspelt["x"];
    expect_error(misspelt, "input 'xx'");
  });
}

TEST(Executor, ObserverSeesEveryStepAndTheEngineAroundThem) {
  run_on_executor([] {
    const auto model = small_model();
    NamedValues inputs{{"x", RuntimeValue(Tensor::from<float>({1, 3}, {1.0F, 2.0F, 3.0F}))}};
    auto eager = make_eager(model);
    CountingObserver observer;
    RunOptions options;
    options.observer = &observer;
    ASSERT_TRUE((*eager)->run(inputs, options).ok());
    using Kind = StepInfo::Kind;
    // What the runtime does before, the operators, and the executor around them.
    EXPECT_EQ(observer.kinds, (std::vector{Kind::runtime, Kind::eager_node, Kind::eager_node,
                                           Kind::eager_node, Kind::runtime}));
    observer.kinds.clear();
    auto engine = make_engine_model(model);
    ASSERT_TRUE((*engine)->run(inputs, options).ok());
    ASSERT_GE(observer.kinds.size(), 4U);
    EXPECT_EQ(observer.kinds.front(), Kind::runtime);
    EXPECT_EQ(observer.kinds[observer.kinds.size() - 2], Kind::engine);
    EXPECT_EQ(observer.kinds.back(), Kind::runtime);
  });
}

TEST(Executor, OutsideTheProfileIsRefused) {
  run_on_executor([] {
    const auto model = small_model();
    Partition whole;
    whole.pieces.push_back({"", ModuleTree::root(), model->modules.all_nodes(ModuleTree::root())});
    auto converted = make_converted(model, whole, {{"x", {{1, 3}, {2, 3}}}});
    ASSERT_TRUE(converted.ok());
    EXPECT_TRUE((*converted)
                    ->run({{"x", RuntimeValue(Tensor::from<float>({2, 3}, std::vector<float>(6)))}}, {})
                    .ok());
    const auto refused =
        (*converted)->run({{"x", RuntimeValue(Tensor::from<float>({3, 3}, std::vector<float>(9)))}}, {});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().text(), "input 'x': axis 0 is 3, outside the profile's 1 to 2");
  });
}

TEST(Executor, EngineRefusesAStringConstantAsItsOutput) {
  run_on_executor([] {
    Graph graph;
    GraphEditor editor(graph);
    Node node;
    node.op_type = "Constant";
    node.name = "words";
    node.version = 13;
    node.attributes.set("value_strings", std::vector<std::string>{"one", "two"});
    const ValueId output = editor.add_value("words_out");
    node.outputs = {output};
    editor.add_node(std::move(node));
    editor.add_output(output);
    apply_types(graph, infer(graph));
    const auto engine = compile(graph, {});
    ASSERT_FALSE(engine.ok());
    EXPECT_NE(engine.error().text().find("string"), std::string::npos) << engine.error().text();
  });
}

/// Resident memory of this process in bytes.
size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096;
}

TEST(Executor, TenThousandRunsLeakNothingAndDoNotSlowDown) {
  run_on_executor([] {
    auto engine = make_engine_model(small_model());
    ASSERT_TRUE(engine.ok());
    NamedValues inputs;
    inputs["x"] = RuntimeValue(Tensor::from<float>({64, 3}, std::vector<float>(192, 1.0F)));
    std::chrono::steady_clock::duration last{};
    const auto run_many = [&](int count) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < count; ++i) ASSERT_TRUE((*engine)->run(inputs, {}).ok());
      last = std::chrono::steady_clock::now() - begin;
    };
    run_many(2000);
    const auto first_duration = last;
    const size_t before = resident_bytes();
    for (int k = 0; k < 2; ++k) run_many(2000);
    // Of the last two, the one that other work on the machine has disturbed less.
    run_many(2000);
    const auto last_but_one = last;
    run_many(2000);
    EXPECT_LT(resident_bytes(), before + (size_t{1} << 20));
    // A tenfold slow-down is no noise.
    EXPECT_LT(std::min(last, last_but_one), 10 * first_duration + std::chrono::milliseconds(50));
  });
}

}  // namespace
}  // namespace lathe
