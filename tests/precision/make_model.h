// SPDX-License-Identifier: Apache-2.0
// Small models built by name for tests of the precision rewrite.
#pragma once

#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/precision/precision.h"

namespace lathe {

/// Values are named; names that nobody has made yet become f32 inputs of shape {2, 4}.
class ModelMaker {
 public:
  explicit ModelMaker(int opset = 22) : opset_(opset) {
    model.opsets[""] = opset;
    model.ir_version = 10;
  }
  ValueId input(const std::string& name, std::vector<int64_t> shape, ElementType type = ElementType::f32) {
    return editor().add_input(name, TypeInfo::tensor(type, to_dims(shape)));
  }
  ValueId constant(const std::string& name, Tensor tensor) {
    return editor().add_constant(name, std::move(tensor));
  }
  ValueId weight(const std::string& name, std::vector<int64_t> shape, float value = 0.5F) {
    Tensor tensor = std::move(Tensor::allocate(ElementType::f32, shape)).value();
    for (float& element : tensor.mutable_data<float>()) element = value;
    return constant(name, std::move(tensor));
  }
  NodeId node(const std::string& op_type, const std::vector<std::string>& inputs, const std::string& output,
              std::vector<std::pair<std::string, AttributeValue>> attributes = {}) {
    Node node;
    node.name = op_type + ":" + output;
    node.op_type = op_type;
    node.version = opset_;
    for (const std::string& name : inputs) {
      const auto known = model.graph.find_value(name);
      node.inputs.push_back(known ? *known : input(name, {2, 4}));
    }
    node.outputs.push_back(editor().add_value(output));
    for (auto& [name, value] : attributes) node.attributes.set(name, std::move(value));
    last_ = editor().add_node(std::move(node));
    return last_;
  }
  /// Puts the last node there.
  void module(const std::string& path) { editor().set_module(last_, model.modules.add(path)); }
  void output(const std::string& name) { editor().add_output(*model.graph.find_value(name)); }
  GraphEditor editor() { return GraphEditor(model.graph); }

  Model model;

 private:
  int opset_;
  NodeId last_;
};

inline PrecisionRequest request(ElementType type) {
  PrecisionRequest made;
  made.modules[""] = type;
  return made;
}

/// The fact about a node; null where there is none.
inline const NodePrecision* fact(const PrecisionReport& report, const std::string& node) {
  for (const NodePrecision& each : report.nodes)
    if (each.node == node) return &each;
  return nullptr;
}

inline ElementType type_of(const Graph& graph, const std::string& value) {
  const auto found = graph.find_value(value);
  return found ? graph.value(*found).type.element : ElementType::undefined;
}

}  // namespace lathe
