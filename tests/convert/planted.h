// SPDX-License-Identifier: Apache-2.0
// Small models with one thing planted in each, made node by node.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "engine/convert/convert.h"
#include "engine/precision/rebuild.h"
#include "engine/runtime/executor_thread.h"

namespace lathe {

/// Nodes are named "<module>/<operator>", with a number from the second on.
class Planter {
 public:
  explicit Planter(int opset = 17) : opset_(opset) {
    model_->opsets[""] = opset;
    model_->ir_version = 8;
  }

  ValueId input(const std::string& name, Dims dims, ElementType type = ElementType::f32) {
    return editor_.add_input(name, TypeInfo::tensor(type, std::move(dims)));
  }
  ValueId input(const std::string& name, TypeInfo type) { return editor_.add_input(name, std::move(type)); }
  ValueId constant(Tensor tensor) { return editor_.add_constant("constant", std::move(tensor)); }
  ValueId integers(const std::vector<int64_t>& numbers) {
    return constant(
        Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, std::span<const int64_t>(numbers)));
  }
  ValueId node(const std::string& op, std::vector<ValueId> inputs,
               const std::vector<std::pair<std::string, AttributeValue>>& attributes = {},
               const std::string& module = "", std::vector<ValueId> captured = {}) {
    Node node;
    const size_t dot = op.rfind('.');
    node.domain = dot == std::string::npos ? "" : op.substr(0, dot);
    node.op_type = dot == std::string::npos ? op : op.substr(dot + 1);
    node.name = module + "/" + node.op_type;
    node.version = node.domain.empty() ? opset_ : 1;
    if (!node.domain.empty()) model_->opsets[node.domain] = 1;
    node.inputs = std::move(inputs);
    node.captured = std::move(captured);
    node.module = model_->modules.add(module);
    for (const auto& [name, value] : attributes) node.attributes.set(name, value);
    const ValueId output = editor_.add_value(node.name + "_output");
    node.outputs = {output};
    editor_.add_node(std::move(node));
    return output;
  }
  /// The value under this name, as an output of the model.
  void output(ValueId value, const std::string& name) {
    const NodeId producer = model_->graph.value(value).producer;
    const ValueId named = editor_.add_value(name, model_->graph.value(value).type);
    std::vector<ValueId> outputs = model_->graph.node(producer).outputs;
    editor_.replace_uses(value, named);
    std::replace(outputs.begin(), outputs.end(), value, named);
    editor_.set_node_outputs(producer, std::move(outputs));
    editor_.add_output(named);
  }
  /// The value is one already.
  void output(ValueId value) { editor_.add_output(value); }
  GraphEditor& editor() { return editor_; }
  int opset() const { return opset_; }

  std::shared_ptr<const Model> finish() {
    refresh_modules(*model_);
    return model_;
  }

 private:
  int opset_;
  std::shared_ptr<Model> model_ = std::make_shared<Model>();
  GraphEditor editor_{model_->graph};
};

/// A body of one node that reads a value of the outer graph.
inline std::shared_ptr<Graph> branch_of(const std::string& op, ValueId outer, const TypeInfo& type,
                                        int opset) {
  auto body = std::make_shared<Graph>();
  GraphEditor editor(*body);
  const ValueId seen = editor.add_capture(outer, "seen", type);
  Node node;
  node.name = op;
  node.op_type = op;
  node.version = opset;
  node.inputs = {seen};
  const ValueId output = editor.add_value("made");
  node.outputs = {output};
  editor.add_node(std::move(node));
  editor.add_output(output);
  return body;
}

inline Result<Conversion> convert_planted(const std::shared_ptr<const Model>& model,
                                          const Configuration& configuration, bool apply, bool dry = false) {
  ConvertOptions options;
  options.apply_remedies = apply;
  options.dry_run = dry;
  return on_executor([&] { return convert(model, configuration, options, JobContext()); });
}

/// Operators of the graph, sorted.
inline std::vector<std::string> operators_in(const Model& model) {
  std::vector<std::string> found;
  for (const Node& node : model.graph.nodes())
    if (node.alive) found.push_back(node.qualified_type());
  std::sort(found.begin(), found.end());
  return found;
}

inline Result<NamedValues> run_eagerly(const std::shared_ptr<const Model>& model, const NamedValues& inputs) {
  return on_executor([&]() -> Result<NamedValues> {
    LATHE_ASSIGN(const std::unique_ptr<Runnable> eager, make_eager(model));
    return eager->run(inputs, RunOptions());
  });
}

}  // namespace lathe
