// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/graph.h"

#include <algorithm>
#include <queue>

namespace lathe {

TypeInfo TypeInfo::tensor(ElementType element, std::optional<Dims> dims) {
  TypeInfo type;
  type.kind = Kind::tensor;
  type.element = element;
  type.dims = std::move(dims);
  return type;
}

TypeInfo TypeInfo::sequence_of(TypeInfo inner) {
  TypeInfo type;
  type.kind = Kind::sequence;
  type.inner = std::make_shared<const TypeInfo>(std::move(inner));
  return type;
}

TypeInfo TypeInfo::optional_of(TypeInfo inner) {
  TypeInfo type = sequence_of(std::move(inner));
  type.kind = Kind::optional;
  return type;
}

std::string to_string(const TypeInfo& type) {
  switch (type.kind) {
    case TypeInfo::Kind::unknown:
      return "?";
    case TypeInfo::Kind::tensor:
      return std::string(to_string(type.element)) + "[" + (type.dims ? to_string(*type.dims) : "?") + "]";
    case TypeInfo::Kind::sequence:
      return "sequence<" + (type.inner ? to_string(*type.inner) : "?") + ">";
    case TypeInfo::Kind::optional:
      return "optional<" + (type.inner ? to_string(*type.inner) : "?") + ">";
    case TypeInfo::Kind::map:
      return "map";
    case TypeInfo::Kind::sparse_tensor:
      return "sparse_tensor";
  }
  return "?";
}

void Attributes::set(const std::string& name, AttributeValue value) {
  for (auto& [key, old] : items_)
    if (key == name) {
      old = std::move(value);
      return;
    }
  items_.emplace_back(name, std::move(value));
}

void Attributes::erase(const std::string& name) {
  std::erase_if(items_, [&](const auto& item) { return item.first == name; });
}

const AttributeValue* Attributes::find(std::string_view name) const {
  for (const auto& [key, value] : items_)
    if (key == name) return &value;
  return nullptr;
}

int64_t Attributes::get_int(std::string_view name, int64_t fallback) const {
  const auto* value = get<int64_t>(name);
  return value ? *value : fallback;
}
float Attributes::get_float(std::string_view name, float fallback) const {
  const auto* value = get<float>(name);
  return value ? *value : fallback;
}
std::string Attributes::get_string(std::string_view name, std::string_view fallback) const {
  const auto* value = get<std::string>(name);
  return value ? *value : std::string(fallback);
}
std::vector<int64_t> Attributes::get_ints(std::string_view name) const {
  const auto* value = get<std::vector<int64_t>>(name);
  return value ? *value : std::vector<int64_t>{};
}
std::vector<float> Attributes::get_floats(std::string_view name) const {
  const auto* value = get<std::vector<float>>(name);
  return value ? *value : std::vector<float>{};
}

std::optional<ValueId> Graph::find_value(std::string_view name) const {
  const auto found = value_names_.find(std::string(name));
  if (found == value_names_.end()) return std::nullopt;
  return found->second;
}

std::optional<NodeId> Graph::find_node(std::string_view name) const {
  const auto found = node_names_.find(std::string(name));
  if (found == node_names_.end()) return std::nullopt;
  return found->second;
}

size_t Graph::node_count() const {
  return static_cast<size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const Node& n) { return n.alive; }));
}

const Tensor* Graph::constant(ValueId id) const {
  if (!id.valid()) return nullptr;
  const Value& value = values_[id.index];
  if (value.constant.defined()) return &value.constant;
  if (!value.producer.valid()) return nullptr;
  const Node& producer = nodes_[value.producer.index];
  return producer.op_type == "Constant" && producer.domain.empty() ? producer.attributes.get<Tensor>("value")
                                                                   : nullptr;
}

Graph Graph::clone() const {
  Graph copy = *this;
  for (Node& node : copy.nodes_) {
    for (const auto& [name, attribute] : std::vector(node.attributes.all())) {
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute))
        node.attributes.set(name, std::make_shared<Graph>((*body)->clone()));
      if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute)) {
        std::vector<std::shared_ptr<Graph>> cloned;
        for (const auto& each : *bodies) cloned.push_back(std::make_shared<Graph>(each->clone()));
        node.attributes.set(name, std::move(cloned));
      }
    }
  }
  return copy;
}

Result<std::vector<NodeId>> topological_order(const Graph& graph) {
  const auto& nodes = graph.nodes();
  std::vector<uint32_t> waiting(nodes.size(), 0);
  std::vector<std::vector<NodeId>> unblocks(nodes.size());
  for (const Node& node : nodes) {
    if (!node.alive) continue;
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId input : *list) {
        if (!input.valid() || !graph.value(input).producer.valid()) continue;
        unblocks[graph.value(input).producer.index].push_back(node.id);
        ++waiting[node.id.index];
      }
  }
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  size_t alive = 0;
  for (const Node& node : nodes) {
    alive += node.alive;
    if (node.alive && waiting[node.id.index] == 0) ready.push(node.id);
  }
  std::vector<NodeId> order;
  order.reserve(alive);
  while (!ready.empty()) {
    const NodeId id = ready.top();
    ready.pop();
    order.push_back(id);
    for (const NodeId next : unblocks[id.index])
      if (--waiting[next.index] == 0) ready.push(next);
  }
  if (order.size() == alive) return order;
  for (const Node& node : nodes)
    if (node.alive && waiting[node.id.index] > 0)
      return bad_input("node '" + node.name + "' (" + node.qualified_type() + ")", "is part of a cycle");
  return internal_error("topological_order", "nodes were lost");
}

std::string GraphEditor::unique_value_name(std::string name) const {
  if (name.empty()) name = "value";
  if (!graph_.value_names_.contains(name)) return name;
  size_t k = graph_.values_.size();
  while (graph_.value_names_.contains(name + "_" + std::to_string(k))) ++k;
  return name + "_" + std::to_string(k);
}

std::string GraphEditor::unique_node_name(std::string name) const {
  if (name.empty()) name = "node";
  if (!graph_.node_names_.contains(name)) return name;
  size_t k = graph_.nodes_.size();
  while (graph_.node_names_.contains(name + "_" + std::to_string(k))) ++k;
  return name + "_" + std::to_string(k);
}

ValueId GraphEditor::add_value(std::string name, TypeInfo type) {
  Value value;
  value.id = ValueId(graph_.values_.size());
  value.name = unique_value_name(std::move(name));
  value.type = std::move(type);
  graph_.value_names_[value.name] = value.id;
  graph_.values_.push_back(std::move(value));
  return graph_.values_.back().id;
}

ValueId GraphEditor::add_constant(std::string name, Tensor tensor) {
  const ValueId id = add_value(std::move(name), TypeInfo::tensor(tensor.type(), to_dims(tensor.shape())));
  graph_.values_[id.index].constant = std::move(tensor);
  return id;
}

ValueId GraphEditor::add_input(std::string name, TypeInfo type) {
  const ValueId id = add_value(std::move(name), std::move(type));
  graph_.values_[id.index].is_input = true;
  graph_.inputs_.push_back(id);
  return id;
}

void GraphEditor::add_output(ValueId value) {
  graph_.values_[value.index].is_output = true;
  graph_.outputs_.push_back(value);
}

ValueId GraphEditor::add_capture(ValueId outer, std::string name, TypeInfo type) {
  const ValueId id = add_value(std::move(name), std::move(type));
  graph_.values_[id.index].is_capture = true;
  graph_.captures_.push_back({outer, id});
  return id;
}

void GraphEditor::set_outputs(std::vector<ValueId> outputs) {
  for (const ValueId old : graph_.outputs_) graph_.values_[old.index].is_output = false;
  graph_.outputs_ = std::move(outputs);
  for (const ValueId output : graph_.outputs_) graph_.values_[output.index].is_output = true;
}

void GraphEditor::remove_input(ValueId value) {
  graph_.values_[value.index].is_input = false;
  std::erase(graph_.inputs_, value);
}

void GraphEditor::link(const Node& node) {
  for (const auto* list : {&node.inputs, &node.captured})
    for (const ValueId input : *list)
      if (input.valid()) graph_.values_[input.index].consumers.push_back(node.id);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].valid()) continue;
    Value& value = graph_.values_[node.outputs[i].index];
    value.producer = node.id;
    value.producer_output = static_cast<uint32_t>(i);
  }
}

void GraphEditor::unlink(const Node& node) {
  for (const auto* list : {&node.inputs, &node.captured})
    for (const ValueId input : *list)
      if (input.valid()) std::erase(graph_.values_[input.index].consumers, node.id);
  for (const ValueId output : node.outputs)
    if (output.valid() && graph_.values_[output.index].producer == node.id)
      graph_.values_[output.index].producer = {};
}

NodeId GraphEditor::add_node(Node node) {
  node.id = NodeId(graph_.nodes_.size());
  node.alive = true;
  node.name = unique_node_name(std::move(node.name));
  graph_.node_names_[node.name] = node.id;
  link(node);
  graph_.nodes_.push_back(std::move(node));
  return graph_.nodes_.back().id;
}

void GraphEditor::remove_node(NodeId id) {
  Node& node = graph_.nodes_[id.index];
  unlink(node);
  node.alive = false;
  graph_.node_names_.erase(node.name);
}

void GraphEditor::set_node_inputs(NodeId id, std::vector<ValueId> inputs) {
  Node& node = graph_.nodes_[id.index];
  unlink(node);
  node.inputs = std::move(inputs);
  link(node);
}

void GraphEditor::set_node_outputs(NodeId id, std::vector<ValueId> outputs) {
  Node& node = graph_.nodes_[id.index];
  unlink(node);
  node.outputs = std::move(outputs);
  link(node);
}

void GraphEditor::set_node_captured(NodeId id, std::vector<ValueId> captured) {
  Node& node = graph_.nodes_[id.index];
  unlink(node);
  node.captured = std::move(captured);
  link(node);
}

void GraphEditor::set_attribute(NodeId id, const std::string& name, AttributeValue value) {
  graph_.nodes_[id.index].attributes.set(name, std::move(value));
}

void GraphEditor::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  std::vector<NodeId> users = graph_.values_[from.index].consumers;
  std::sort(users.begin(), users.end());
  users.erase(std::unique(users.begin(), users.end()), users.end());
  for (const NodeId user : users) {
    Node& node = graph_.nodes_[user.index];
    unlink(node);
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
    std::replace(node.captured.begin(), node.captured.end(), from, to);
    for (const auto& [name, attribute] : node.attributes.all()) {
      const auto rewire = [&](const std::shared_ptr<Graph>& body) {
        for (Capture& capture : body->captures_)
          if (capture.outer == from) capture.outer = to;
      };
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) rewire(*body);
      if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute))
        for (const auto& body : *bodies) rewire(body);
    }
    link(node);
  }
  if (graph_.values_[from.index].is_output) {
    std::replace(graph_.outputs_.begin(), graph_.outputs_.end(), from, to);
    graph_.values_[from.index].is_output = false;
    graph_.values_[to.index].is_output = true;
  }
}

size_t GraphEditor::remove_dead() {
  std::vector<NodeId> candidates;
  for (const Node& node : graph_.nodes_)
    if (node.alive) candidates.push_back(node.id);
  size_t removed = 0;
  while (!candidates.empty()) {
    const NodeId id = candidates.back();
    candidates.pop_back();
    const Node& node = graph_.nodes_[id.index];
    if (!node.alive) continue;
    const bool used = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId output) {
      return output.valid() &&
             (graph_.values_[output.index].is_output || !graph_.values_[output.index].consumers.empty());
    });
    if (used) continue;
    for (const auto* list : {&node.inputs, &node.captured})
      for (const ValueId input : *list)
        if (input.valid() && graph_.values_[input.index].producer.valid())
          candidates.push_back(graph_.values_[input.index].producer);
    remove_node(id);
    ++removed;
  }
  for (Value& value : graph_.values_) {
    const bool linked = value.producer.valid() || value.is_input || value.is_output || value.is_capture ||
                        !value.consumers.empty();
    if (!value.alive || linked) continue;
    value.alive = false;
    value.constant = {};
    graph_.value_names_.erase(value.name);
  }
  return removed;
}

Status Model::files_unchanged() const {
  for (const auto& file : files) LATHE_TRY(file->unchanged());
  return {};
}

}  // namespace lathe
