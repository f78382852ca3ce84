// SPDX-License-Identifier: Apache-2.0
// What a node that cannot be run says.
#pragma once

#include "tests/ops/c_run_node.h"

namespace lathe::test {

inline Node ml_node(const char* op, int version) {
  return make_node(op, version, "ai.onnx.ml");
}

/// The error of running the node by its reference kernel; "" when there is none. Absent inputs: tensors that
/// are not defined.
inline std::string refusal(Node node, const std::vector<Tensor>& inputs, size_t outputs = 1) {
  std::vector<RuntimeValue> values;
  for (const Tensor& input : inputs) values.push_back(input.defined() ? RuntimeValue(input) : RuntimeValue());
  std::vector<const RuntimeValue*> pointers;
  uint32_t id = 0;
  for (const RuntimeValue& value : values) {
    pointers.push_back(&value);
    node.inputs.push_back(value.present() ? ValueId(id) : ValueId());
    ++id;
  }
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back(ValueId(id++));
  const auto out = run_reference(*operators().find(node), node, pointers);
  return out.ok() ? "" : out.error().text();
}

inline void expect_refused(const Node& node, const std::vector<Tensor>& inputs, const char* says) {
  const std::string text = refusal(node, inputs);
  EXPECT_NE(text.find("'node'"), std::string::npos) << text;
  EXPECT_NE(text.find(says), std::string::npos) << text;
}

inline void expect_floats(const Tensor& actual, const Shape& shape, const std::vector<float>& values,
                          double tolerance = 1e-6) {
  expect_near(actual, Tensor::from<float>(shape, std::span<const float>(values)), tolerance);
}

}  // namespace lathe::test
