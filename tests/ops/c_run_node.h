// SPDX-License-Identifier: Apache-2.0
// Runs one node by its reference kernel and its inference, for the tests of the heavy operators.
#pragma once

#include <gtest/gtest.h>

#include "engine/ops/concrete.h"
#include "engine/ops/reference.h"

namespace lathe::test {

inline Node make_node(const char* op, int version, const char* domain = "") {
  Node node;
  node.name = "node";
  node.op_type = op;
  node.domain = domain;
  node.version = version;
  return node;
}

/// Absent inputs: tensors that are not defined.
inline Result<std::vector<RuntimeValue>> run_node(Node node, const std::vector<Tensor>& inputs,
                                                  size_t outputs = 1) {
  std::vector<RuntimeValue> values;
  uint32_t id = 0;
  for (const Tensor& input : inputs) {
    values.push_back(input.defined() ? RuntimeValue(input) : RuntimeValue());
    node.inputs.push_back(input.defined() ? ValueId(id) : ValueId());
    ++id;
  }
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back(ValueId(id++));
  const Operator* op = operators().find(node);
  if (op == nullptr) return unsupported(node.name, "unknown operator");
  std::vector<const RuntimeValue*> pointers;
  for (const RuntimeValue& value : values) pointers.push_back(&value);
  auto result = run_reference(*op, node, pointers);
  const auto inferred = infer_concrete(*op, node, pointers);
  EXPECT_EQ(result.ok(), inferred.ok()) << (inferred.ok() ? "" : inferred.error().text());
  if (!result.ok() || !inferred.ok()) return result;
  for (size_t i = 0; i < outputs; ++i) {
    const Tensor& tensor = (*result)[i].tensor;
    EXPECT_EQ(to_string(inferred->outputs[i]),
              to_string(TypeInfo::tensor(tensor.type(), to_dims(tensor.shape()))));
  }
  return result;
}

/// Numbers without pattern, the same every time.
inline Tensor noise(Shape shape, uint32_t seed = 1) {
  Tensor tensor = std::move(Tensor::allocate(ElementType::f32, std::move(shape))).value();
  for (float& element : tensor.mutable_data<float>()) {
    seed = seed * 1664525u + 1013904223u;
    element = static_cast<float>(seed >> 8) / 16777216.0f - 0.5f;
  }
  return tensor;
}

inline void expect_near(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.shape(), expected.shape());
  const auto a = actual.to_double(), b = expected.to_double();
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

}  // namespace lathe::test
