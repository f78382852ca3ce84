// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/plugin/try_operator.h"

#include <optional>

#include "engine/ops/plugin/guarded_output.h"
#include "engine/ops/plugin/plugin_call.h"

namespace lathe {
namespace {

constexpr size_t most_inputs = 32, most_bytes = size_t{1} << 20;

Node node_of(const PluginOperator& op, size_t inputs, size_t outputs) {
  Node node;
  node.name = "tried";
  node.domain = op.domain;
  node.op_type = op.name;
  node.version = op.table->since_version;
  for (size_t i = 0; i < inputs; ++i) node.inputs.emplace_back(static_cast<uint32_t>(i));
  for (size_t i = 0; i < outputs; ++i) node.outputs.emplace_back(static_cast<uint32_t>(inputs + i));
  return node;
}

/// One call of each with tensors of this shape.
void call_once(const PluginOperator& op, const Node& node, ElementType type, const Shape& shape,
               const Stage& stage, const std::string& text) {
  Tensor ones = type == ElementType::f32 ? Tensor::allocate(type, shape).value()
                                         : Tensor::allocate(ElementType::i64, shape).value();
  if (type == ElementType::f32)
    for (float& each : ones.mutable_data<float>()) each = 1;
  else
    for (int64_t& each : ones.mutable_data<int64_t>()) each = 1;
  PluginCall call(node, op, node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i)
    call.set_input(i, type, std::vector<int64_t>(shape.begin(), shape.end()), ones.raw());
  stage("infer of " + text);
  if (!call.infer().ok()) return;
  std::vector<std::optional<GuardedOutput>> outputs(node.outputs.size());
  std::vector<LathePluginOutput> views(node.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!call.check_type(i).ok()) return;
    const Shape size = call.concrete_shape(i);
    const auto count = checked_element_count(size);
    if (!count || static_cast<size_t>(*count) > most_bytes / 8) return;
    auto made = GuardedOutput::make(static_cast<ElementType>(call.type(i).element_type), size, call, i);
    if (!made.ok()) return;
    outputs[i] = std::move(*made);
    views[i] = outputs[i]->view();
  }
  stage("compute of " + text);
  (void)call.compute(views).ok();
}

}  // namespace

void try_operator(const PluginOperator& op, const Stage& stage) {
  const auto inputs = static_cast<size_t>(op.table->min_inputs);
  const auto outputs = static_cast<size_t>(std::max(1, op.table->min_outputs));
  if (inputs > most_inputs || outputs > most_inputs) return;
  const Node node = node_of(op, inputs, outputs);
  const std::string name = op.domain.empty() ? op.name : op.domain + "." + op.name;
  for (const ElementType type : {ElementType::f32, ElementType::i64})
    for (size_t rank = 0; rank <= 4; ++rank)
      call_once(op, node, type, Shape(rank, 2), stage,
                name + " (on " + to_string(type) + " of rank " + std::to_string(rank) + ")");
}

}  // namespace lathe
