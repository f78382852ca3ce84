// SPDX-License-Identifier: Apache-2.0
// Every operator added or changed after opset 17 and every com.microsoft operator against ONNX Runtime: by
// its reference kernel, in the eager run and in an engine. Those that ONNX Runtime lacks are held to formulas
// in the other tests of this folder; operator_coverage_test.cpp sees to it that none is left out.
#include <algorithm>
#include <gtest/gtest.h>
#include <ostream>

#include "engine/ops/concrete.h"
#include "engine/ops/reference.h"
#include "engine/runtime/converted.h"
#include "engine/runtime/executor_thread.h"
#include "tests/ops/operator_case.h"

namespace lathe::test {

void PrintTo(const CaseName& name, std::ostream* out) {
  *out << name.as_test();
}

namespace {

class OperatorCases : public testing::TestWithParam<CaseName> {};

void expect_outputs(const NamedValues& got, const OperatorCase& wanted) {
  for (const auto& [name, want] : wanted.outputs) {
    const auto found = got.find(name);
    ASSERT_NE(found, got.end()) << name;
    EXPECT_EQ(difference(found->second, want, wanted.tolerance), "") << "output " << name;
  }
}

/// Inference from the actual values tells no other type or shape than the result has.
void expect_inferred(const TypeInfo& inferred, const RuntimeValue& value) {
  if (!inferred.is_tensor() || !value.is_tensor()) return;
  EXPECT_STREQ(to_string(inferred.element), to_string(value.tensor.type()));
  if (!inferred.dims) return;
  ASSERT_EQ(inferred.dims->size(), value.tensor.rank());
  for (size_t i = 0; i < inferred.dims->size(); ++i) {
    if ((*inferred.dims)[i].known()) {
      EXPECT_EQ((*inferred.dims)[i].value(), value.tensor.dim(i)) << i;
    }
  }
}

/// Sub-graphs are run by an executor only.
bool needs_executor(const OperatorCase& wanted) {
  const auto& nodes = wanted.model->graph.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& node) {
    const Operator* op = operators().find(node);
    return op != nullptr && (op->traits & trait_control_flow) != 0;
  });
}

/// Node by node, each by its reference kernel.
Result<NamedValues> run_by_reference(const OperatorCase& wanted) {
  const Graph& graph = wanted.model->graph;
  std::vector<RuntimeValue> values(graph.values().size());
  for (const Value& value : graph.values())
    if (value.constant.defined()) values[value.id.index] = value.constant;
  for (const ValueId id : graph.inputs()) values[id.index] = wanted.inputs.at(graph.value(id).name);
  LATHE_ASSIGN(const auto order, topological_order(graph));
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    const Operator* op = operators().find(node);
    if (op == nullptr) return unsupported(node.name, "unknown operator");
    std::vector<const RuntimeValue*> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(input.valid() ? &values[input.index] : nullptr);
    LATHE_ASSIGN(const ConcreteInference inferred, infer_concrete(*op, node, inputs));
    LATHE_ASSIGN(std::vector<RuntimeValue> outputs, run_reference(*op, node, inputs));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].valid()) continue;
      if (i < inferred.outputs.size()) expect_inferred(inferred.outputs[i], outputs[i]);
      values[node.outputs[i].index] = std::move(outputs[i]);
    }
  }
  NamedValues out;
  for (const ValueId id : graph.outputs()) out[graph.value(id).name] = values[id.index];
  return out;
}

template <class Make>
Result<NamedValues> run_made(const OperatorCase& wanted, Make make) {
  return on_executor([&]() -> Result<NamedValues> {
    LATHE_ASSIGN(const std::unique_ptr<Runnable> runnable, make(wanted.model));
    return runnable->run(wanted.inputs, {});
  });
}

/// An engine may refuse shapes that only data tell, strings, sequences, optionals and sub-graphs, saying so.
bool excused(const std::string& refusal) {
  const char* const causes[] = {"dynamic shape", "no static shape", "strings", "cannot hold", "sub-graphs"};
  return std::any_of(std::begin(causes), std::end(causes),
                     [&](const char* cause) { return refusal.find(cause) != std::string::npos; });
}

TEST_P(OperatorCases, MatchOnnxRuntime) {
  const auto wanted = load_case(GetParam());
  ASSERT_TRUE(wanted.ok()) << wanted.error().text();
  if (!needs_executor(*wanted)) {
    SCOPED_TRACE("reference kernel");
    const auto got = run_by_reference(*wanted);
    ASSERT_TRUE(got.ok()) << got.error().text();
    expect_outputs(*got, *wanted);
  }
  {
    SCOPED_TRACE("eager run");
    const auto got = run_made(*wanted, make_eager);
    ASSERT_TRUE(got.ok()) << got.error().text();
    expect_outputs(*got, *wanted);
  }
  SCOPED_TRACE("engine");
  const auto got = run_made(*wanted, [](auto model) { return make_engine_model(std::move(model)); });
  if (!got.ok() && got.error().kind == ErrorKind::unsupported) {
    EXPECT_TRUE(excused(got.error().text())) << got.error().text();
    return;
  }
  ASSERT_TRUE(got.ok()) << got.error().text();
  expect_outputs(*got, *wanted);
}

INSTANTIATE_TEST_SUITE_P(All, OperatorCases, testing::ValuesIn(case_names()),
                         [](const testing::TestParamInfo<CaseName>& info) { return info.param.as_test(); });

}  // namespace
}  // namespace lathe::test
