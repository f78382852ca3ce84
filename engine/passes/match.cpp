// SPDX-License-Identifier: Apache-2.0
#include "engine/passes/match.h"

#include <cmath>

namespace lathe {

bool is_op(const Node& node, std::string_view op_type) {
  return node.domain.empty() && node.op_type == op_type;
}
bool is_internal(const Node& node, std::string_view op_type) {
  return node.domain == "lathe" && node.op_type == op_type;
}

const Node* producer(const Graph& graph, ValueId value) {
  if (!value.valid() || !graph.value(value).producer.valid()) return nullptr;
  return &graph.node(graph.value(value).producer);
}

const Node* producer(const Graph& graph, ValueId value, std::string_view op_type) {
  const Node* node = producer(graph, value);
  return node != nullptr && is_op(*node, op_type) ? node : nullptr;
}

bool used_once(const Graph& graph, ValueId value) {
  return value.valid() && graph.value(value).consumers.size() == 1 && !graph.value(value).is_output;
}

const Node* sole_consumer(const Graph& graph, ValueId value) {
  return used_once(graph, value) ? &graph.node(graph.value(value).consumers.front()) : nullptr;
}

std::optional<float> scalar(const Graph& graph, ValueId value) {
  const Tensor* tensor = graph.constant(value);
  if (tensor == nullptr || tensor->count() != 1 || !is_float(tensor->type())) return std::nullopt;
  const std::vector<double> elements = tensor->to_double();
  if (elements.empty()) return std::nullopt;
  return static_cast<float>(elements.front());
}

bool is_scalar(const Graph& graph, ValueId value, float expected, float tolerance) {
  const auto found = scalar(graph, value);
  return found && std::fabs(*found - expected) <= tolerance * std::max(1.0F, std::fabs(expected));
}

std::optional<ScalarAndValue> scalar_and_value(const Graph& graph, const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  if (const auto found = scalar(graph, node.inputs[1])) return ScalarAndValue{*found, node.inputs[0]};
  if (const auto found = scalar(graph, node.inputs[0])) return ScalarAndValue{*found, node.inputs[1]};
  return std::nullopt;
}

ValueId other_input(const Node& node, ValueId value) {
  if (node.inputs.size() != 2) return {};
  if (node.inputs[0] == value) return node.inputs[1];
  return node.inputs[1] == value ? node.inputs[0] : ValueId();
}

std::optional<Shape> static_shape(const PassContext& context, ValueId value) {
  if (!value.valid() || value.index >= context.types.types.size() || !context.types.type(value).is_static())
    return std::nullopt;
  return to_shape(*context.types.type(value).dims);
}

bool is_f32(const PassContext& context, ValueId value) {
  return value.valid() && value.index < context.types.types.size() &&
         context.types.type(value).element == ElementType::f32;
}

bool is_f32_or_bf16(const PassContext& context, ValueId value) {
  return is_f32(context, value) || (value.valid() && value.index < context.types.types.size() &&
                                    context.types.type(value).element == ElementType::bf16);
}

bool same_element(const PassContext& context, ValueId a, ValueId b) {
  const auto known = [&](ValueId id) { return id.valid() && id.index < context.types.types.size(); };
  return known(a) && known(b) && context.types.type(a).element == context.types.type(b).element;
}

bool is_row(const PassContext& context, ValueId value, int64_t columns) {
  const Tensor* constant = context.graph.constant(value);
  return constant != nullptr && constant->type() == ElementType::f32 && constant->count() == columns &&
         constant->rank() > 0 && constant->shape().back() == columns;
}

ValueId as_vector(PassContext& context, ValueId row, const std::string& name) {
  const Tensor constant = *context.graph.constant(row);
  return constant.rank() == 1 ? row
                              : context.editor.add_constant(name, constant.reshaped({constant.count()}));
}

bool take_bias(PassContext& context, const Node& product, size_t at) {
  const Node* add = sole_consumer(context.graph, product.outputs[0]);
  if (add == nullptr || !is_op(*add, "Add") || (at < product.inputs.size() && product.inputs[at].valid()) ||
      !is_f32(context, product.outputs[0]))
    return false;
  const ValueId bias = other_input(*add, product.outputs[0]);
  const auto shape = static_shape(context, product.outputs[0]);
  if (!shape || shape->empty() || !is_row(context, bias, shape->back()) ||
      static_shape(context, add->outputs[0]) != shape)
    return false;
  const Node original = product;
  const NodeId add_id = add->id;
  const ValueId output = add->outputs[0];
  Node made = context.fused_node(original.op_type, {original.id, add_id});
  made.domain = original.domain;
  made.version = original.version;
  made.attributes = original.attributes;
  made.inputs = original.inputs;
  made.inputs.resize(at + 1);
  made.inputs[at] = as_vector(context, bias, original.name + ".bias");
  context.editor.remove_node(original.id);
  context.editor.remove_node(add_id);
  made.outputs = {output};
  context.editor.add_node(std::move(made));
  return true;
}

size_t rewrite_nodes(PassContext& context, const std::function<bool(const Node&)>& rewrite) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& node = context.graph.nodes()[i];
    if (!node.alive || node.outputs.empty() || !rewrite(node)) continue;
    ++changes;
    context.types.types.resize(context.graph.values().size());
  }
  return changes;
}

bool reaches(const Graph& graph, ValueId from, NodeId target, int budget) {
  std::vector<NodeId> stack;
  std::vector<bool> seen(graph.nodes().size(), false);
  const auto push = [&](ValueId value) {
    const Node* node = producer(graph, value);
    if (node != nullptr && !seen[node->id.index]) {
      seen[node->id.index] = true;
      stack.push_back(node->id);
    }
  };
  push(from);
  while (!stack.empty() && budget-- > 0) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (id == target) return true;
    for (const ValueId input : graph.node(id).inputs) push(input);
  }
  return !stack.empty();
}

Tensor read_once(const Tensor& constant) {
  if (constant.type() == ElementType::string) return constant;
  return Tensor::wrap(constant.type(), constant.shape(), constant.buffer());
}

}  // namespace lathe
