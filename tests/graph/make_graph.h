// SPDX-License-Identifier: Apache-2.0
// Graphs built in place for tests.
#pragma once

#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace lathe {

/// Adds nodes by the names of values; unknown inputs become graph inputs.
class GraphMaker {
 public:
  explicit GraphMaker(Graph& graph) : editor_(graph) {}

  NodeId node(const std::string& name, const std::string& op_type, const std::vector<std::string>& inputs,
              const std::vector<std::string>& outputs, std::map<std::string, std::string> metadata = {}) {
    Node node;
    node.name = name;
    node.op_type = op_type;
    node.version = 17;
    node.metadata = std::move(metadata);
    for (const std::string& input : inputs) {
      const auto value = editor_.graph().find_value(input);
      node.inputs.push_back(value ? *value : editor_.add_input(input, TypeInfo::tensor(ElementType::f32)));
    }
    for (const std::string& output : outputs) {
      const auto value = editor_.graph().find_value(output);
      node.outputs.push_back(value ? *value : editor_.add_value(output));
    }
    return editor_.add_node(std::move(node));
  }
  ValueId weight(const std::string& name, Shape shape) {
    return editor_.add_constant(name,
                                std::move(Tensor::allocate(ElementType::f32, std::move(shape))).value());
  }
  void output(const std::string& name) { editor_.add_output(*editor_.graph().find_value(name)); }
  GraphEditor& editor() { return editor_; }

 private:
  GraphEditor editor_;
};

}  // namespace lathe
