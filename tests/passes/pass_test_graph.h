// SPDX-License-Identifier: Apache-2.0
// What tests of passes share: graphs made node by node, and the comparison of an engine with and without
// fusing.
#pragma once

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/ops/convert_elements.h"
#include "engine/passes/pass.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/executor_thread.h"
#include "engine/runtime/step_info.h"

namespace lathe {

/// Builds a graph node by node; node names are n0, n1, ...
class Maker {
 public:
  ValueId input(const Shape& shape, ElementType type = ElementType::f32) {
    return editor_.add_input("x" + std::to_string(graph.inputs().size()),
                             TypeInfo::tensor(type, to_dims(shape)));
  }
  ValueId weights(Shape shape, float scale = 1.0F, float offset = 0.0F) {
    Tensor tensor = Tensor::allocate(ElementType::f32, std::move(shape)).value();
    for (float& element : tensor.mutable_data<float>()) element = offset + scale * next();
    return constant(std::move(tensor));
  }
  /// The same numbers, rounded to another type.
  ValueId weights(Shape shape, ElementType type) {
    Tensor tensor = Tensor::allocate(ElementType::f32, std::move(shape)).value();
    for (float& element : tensor.mutable_data<float>()) element = next();
    Tensor rounded = Tensor::allocate(type, tensor.shape()).value();
    EXPECT_TRUE(convert_elements(tensor, rounded).ok());
    return constant(std::move(rounded));
  }
  ValueId constant(Tensor tensor) { return editor_.add_constant(fresh("w"), std::move(tensor)); }
  ValueId node(const std::string& op, std::vector<ValueId> inputs,
               const std::map<std::string, AttributeValue>& attributes = {}) {
    Node node;
    node.name = fresh("n");
    node.op_type = op;
    node.version = 17;
    node.inputs = std::move(inputs);
    for (const auto& [name, value] : attributes) node.attributes.set(name, value);
    const ValueId output = editor_.add_value(node.name + "_y");
    node.outputs = {output};
    editor_.add_node(std::move(node));
    return output;
  }
  void output(ValueId id) { editor_.add_output(id); }

  Graph graph;

 private:
  /// In [-0.5, 0.5).
  float next() {
    seed_ = seed_ * 1664525U + 1013904223U;
    return static_cast<float>(seed_ >> 8) / 16777216.0F - 0.5F;
  }
  std::string fresh(const char* prefix) { return prefix + std::to_string(count_++); }
  GraphEditor editor_{graph};
  int count_ = 0;
  uint32_t seed_ = 7;
};

inline std::vector<std::string> operators_of(const Graph& graph) {
  std::vector<std::string> found;
  for (const Node& node : graph.nodes())
    if (node.alive) found.push_back(node.qualified_type());
  std::sort(found.begin(), found.end());
  return found;
}

inline std::vector<Tensor> inputs_for(const Graph& graph) {
  std::vector<Tensor> inputs;
  uint32_t seed = 99;
  for (const ValueId id : graph.inputs()) {
    Tensor tensor = Tensor::allocate(ElementType::f32, to_shape(*graph.value(id).type.dims)).value();
    for (float& element : tensor.mutable_data<float>()) {
      seed = seed * 1664525U + 1013904223U;
      element = static_cast<float>(seed >> 8) / 8388608.0F - 1.0F;
    }
    Tensor typed = Tensor::allocate(graph.value(id).type.element, tensor.shape()).value();
    EXPECT_TRUE(convert_elements(tensor, typed).ok());
    inputs.push_back(std::move(typed));
  }
  return inputs;
}

inline std::vector<Tensor> run(const Graph& graph, bool fuse) {
  return on_executor([&]() -> std::vector<Tensor> {
    Graph typed = graph.clone();
    apply_types(typed, infer(typed));
    CompileOptions options;
    options.fuse = fuse;
    auto engine = compile(typed, options);
    EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().text());
    if (!engine.ok()) return {};
    auto outputs = (*engine)->run(inputs_for(graph), {});
    EXPECT_TRUE(outputs.ok());
    return outputs.ok() ? std::move(*outputs) : std::vector<Tensor>();
  });
}

/// Checks that the engine computes the same with and without fusing.
inline void expect_same_results(const Graph& graph, double tolerance) {
  const std::vector<Tensor> plain = run(graph, false), fused = run(graph, true);
  ASSERT_EQ(plain.size(), fused.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    ASSERT_EQ(plain[i].shape(), fused[i].shape());
    const auto a = plain[i].to_double(), b = fused[i].to_double();
    for (size_t k = 0; k < a.size(); ++k)
      ASSERT_NEAR(a[k], b[k], tolerance) << "output " << i << " element " << k;
  }
}

/// Checks what the pipeline leaves of `graph`, and that the engine computes the same with and without fusing.
inline void expect_becomes(const Graph& graph, std::vector<std::string> wanted, double tolerance = 2e-5) {
  Graph copy = graph.clone();
  ASSERT_TRUE(optimize(copy, {}).ok());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(operators_of(copy), wanted);
  expect_same_results(graph, tolerance);
}

}  // namespace lathe
