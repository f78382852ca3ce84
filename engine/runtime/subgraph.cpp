// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/subgraph.h"

#include <algorithm>
#include <unordered_map>

namespace lathe {
namespace {

class Extraction {
 public:
  Extraction(const Graph& graph, const std::vector<NodeId>& nodes, const InferenceResult& types)
      : graph_(graph),
        nodes_(nodes),
        types_(types),
        inside_(graph.nodes().size(), false),
        editor_(result_.graph) {
    for (const NodeId id : nodes) inside_[id.index] = true;
  }

  Subgraph run() {
    for (const NodeId id : nodes_) {
      Node copy = graph_.node(id);
      for (auto* list : {&copy.inputs, &copy.captured})
        for (ValueId& input : *list) input = map_input(input);
      for (ValueId& output : copy.outputs)
        if (output.valid()) output = map_value(output);
      rewire_bodies(copy);
      editor_.add_node(std::move(copy));
    }
    for (const NodeId id : nodes_)
      for (const ValueId output : graph_.node(id).outputs)
        if (output.valid() && escapes(output)) {
          result_.outputs.push_back(output);
          editor_.add_output(mapped_.at(output));
        }
    return std::move(result_);
  }

 private:
  bool escapes(ValueId id) const {
    const Value& value = graph_.value(id);
    return value.is_output || std::any_of(value.consumers.begin(), value.consumers.end(),
                                          [&](NodeId user) { return !inside_[user.index]; });
  }

  ValueId map_value(ValueId id) {
    const auto [at, added] = mapped_.try_emplace(id);
    if (added) at->second = editor_.add_value(graph_.value(id).name, types_.type(id));
    return at->second;
  }

  ValueId map_input(ValueId id) {
    if (!id.valid()) return id;
    const Value& value = graph_.value(id);
    if (mapped_.contains(id) || (value.producer.valid() && inside_[value.producer.index]))
      return map_value(id);
    if (const Tensor* constant = graph_.constant(id))
      return mapped_[id] = editor_.add_constant(value.name, *constant);
    if (auto known = types_.known_tensor(id))
      return mapped_[id] = editor_.add_constant(value.name, std::move(*known));
    result_.inputs.push_back(id);
    return mapped_[id] = editor_.add_input(value.name, types_.type(id));
  }

  void rewire_bodies(Node& node) {
    const auto rewire = [&](const std::shared_ptr<Graph>& body) {
      auto copy = std::make_shared<Graph>(body->clone());
      GraphEditor(*copy).map_captures([&](ValueId outer) { return map_input(outer); });
      return copy;
    };
    for (const auto& [name, attribute] : std::vector(node.attributes.all())) {
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute))
        node.attributes.set(name, rewire(*body));
    }
  }

  const Graph& graph_;
  const std::vector<NodeId>& nodes_;
  const InferenceResult& types_;
  std::vector<bool> inside_;
  Subgraph result_;
  GraphEditor editor_;
  std::unordered_map<ValueId, ValueId> mapped_;
};

}  // namespace

Subgraph extract_subgraph(const Graph& graph, const std::vector<NodeId>& nodes,
                          const InferenceResult& types) {
  return Extraction(graph, nodes, types).run();
}

bool is_separable(const Graph& graph, const std::vector<NodeId>& nodes, NodeId* witness) {
  std::vector<bool> inside(graph.nodes().size(), false), reached(graph.nodes().size(), false);
  for (const NodeId id : nodes) inside[id.index] = true;
  std::vector<NodeId> stack;
  const auto follow = [&](NodeId id) {
    for (const ValueId output : graph.node(id).outputs) {
      if (!output.valid()) continue;
      for (const NodeId user : graph.value(output).consumers)
        if (!inside[user.index] && !reached[user.index]) {
          reached[user.index] = true;
          stack.push_back(user);
        }
    }
  };
  for (const NodeId id : nodes) follow(id);
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    for (const ValueId output : graph.node(id).outputs) {
      if (!output.valid()) continue;
      for (const NodeId user : graph.value(output).consumers)
        if (inside[user.index]) {
          if (witness != nullptr) *witness = id;
          return false;
        }
    }
    follow(id);
  }
  return true;
}

}  // namespace lathe
