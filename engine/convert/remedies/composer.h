// SPDX-License-Identifier: Apache-2.0
// Internal to remedies: writes the nodes that take the place of one node.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/graph/graph.h"

namespace lathe {

/// Nodes get the name of the one they stand for before theirs, its module and its source.
class Composer {
 public:
  using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

  Composer(GraphEditor& editor, Node node, int version)
      : editor_(editor), node_(std::move(node)), version_(version) {}

  const Node& node() const { return node_; }
  ValueId input() const { return node_.inputs[0]; }
  ValueId number(float value) { return editor_.add_constant(node_.name + "/number", Tensor::scalar(value)); }
  ValueId whole(int64_t value) { return editor_.add_constant(node_.name + "/number", Tensor::scalar(value)); }
  ValueId add(const char* op_type, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
    Node made;
    made.name = node_.name + "/" + op_type;
    made.op_type = op_type;
    made.version = version_;
    made.inputs = std::move(inputs);
    made.module = node_.module;
    made.source = node_.source;
    for (const auto& [name, value] : attributes) made.attributes.set(name, value);
    const ValueId output = editor_.add_value(made.name + "_output");
    made.outputs = {output};
    editor_.add_node(std::move(made));
    return output;
  }
  /// With one more axis of size 1; negative axes count from the end of the result.
  ValueId unsqueeze(ValueId value, int64_t axis) {
    if (version_ < 13) return add("Unsqueeze", {value}, {{"axes", std::vector<int64_t>{axis}}});
    const ValueId axes = editor_.add_constant(node_.name + "/axes", Tensor::from<int64_t>({1}, {axis}));
    return add("Unsqueeze", {value, axes});
  }

 private:
  GraphEditor& editor_;
  Node node_;
  int version_;
};

}  // namespace lathe
