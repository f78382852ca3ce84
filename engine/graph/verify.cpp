// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/verify.h"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace lathe {
namespace {

class Verifier {
 public:
  Verifier(const Graph& graph, const Graph* outer, std::string place, Findings& findings)
      : graph_(graph), outer_(outer), place_(std::move(place)), findings_(findings) {}

  void run() {
    check_names();
    for (const Node& node : graph_.nodes())
      if (node.alive) check_node(node);
    if (broken_) return;  // the rest follows ids
    check_values();
    check_lists();
    for (const Node& node : graph_.nodes())
      if (node.alive) check_subgraphs(node);
    if (const auto order = topological_order(graph_); !order.ok())
      report("cycle", order.error().where, order.error().what);
  }

 private:
  void report(const std::string& code, const std::string& where, const std::string& message,
              NodeId node = {}) {
    findings_.push_back({Severity::error, code, place_ + where, message, "", outer_ ? NodeId() : node});
  }
  static std::string place(const Node& node) {
    return "node '" + node.name + "' (" + node.qualified_type() + ")";
  }
  static std::string place(const Value& value) { return "value '" + value.name + "'"; }
  bool good(ValueId id) const { return id.index < graph_.values().size() && graph_.value(id).alive; }
  bool good(NodeId id) const { return id.index < graph_.nodes().size() && graph_.node(id).alive; }

  void check_names() {
    std::unordered_set<std::string> nodes, values;
    for (const Node& node : graph_.nodes())
      if (node.alive && !nodes.insert(node.name).second)
        report("name", place(node), "bears a name that is taken", node.id);
    for (const Value& value : graph_.values())
      if (value.alive && !values.insert(value.name).second)
        report("name", place(value), "bears a name that is taken");
  }

  void check_node(const Node& node) {
    for (const auto* list : {&node.inputs, &node.captured, &node.outputs})
      for (const ValueId id : *list)
        if (id.valid() && !good(id)) {
          report("link", place(node), "refers to a value that does not exist", node.id);
          broken_ = true;
        }
    if (broken_) return;
    for (const ValueId input : node.inputs)
      if (input.valid() && !available(graph_.value(input)))
        report("unmade_value", place(node),
               "reads value '" + graph_.value(input).name + "', which nobody makes", node.id);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].valid()) continue;
      const Value& output = graph_.value(node.outputs[i]);
      if (output.producer != node.id || output.producer_output != i)
        report("single_assignment", place(node),
               "makes value '" + output.name + "', which has another producer", node.id);
    }
  }

  static bool available(const Value& value) {
    return value.producer.valid() || value.is_input || value.is_capture || value.constant.defined();
  }

  void check_values() {
    // Uses as the nodes state them must be the uses as the values remember them.
    std::vector<std::vector<NodeId>> uses(graph_.values().size());
    for (const Node& node : graph_.nodes()) {
      if (!node.alive) continue;
      for (const auto* list : {&node.inputs, &node.captured})
        for (const ValueId id : *list)
          if (id.valid()) uses[id.index].push_back(node.id);
    }
    for (const Value& value : graph_.values()) {
      if (!value.alive) continue;
      std::vector<NodeId> remembered = value.consumers;
      std::sort(remembered.begin(), remembered.end());
      if (remembered != uses[value.id.index])
        report("link", place(value), "remembers other consumers than it has");
      const int sources =
          value.producer.valid() + value.is_input + value.is_capture + value.constant.defined();
      if (sources > 1) report("single_assignment", place(value), "has more than one source");
      if (value.producer.valid() && !good(value.producer))
        report("link", place(value), "is made by a node that does not exist");
    }
  }

  void check_lists() {
    const auto check = [&](const std::vector<ValueId>& list, bool Value::*flag, const char* what) {
      for (const ValueId id : list)
        if (!good(id) || !(graph_.value(id).*flag)) report("link", what, "lists a value that is not one");
    };
    check(graph_.inputs(), &Value::is_input, "the graph's input list");
    check(graph_.outputs(), &Value::is_output, "the graph's output list");
    for (const ValueId output : graph_.outputs())
      if (good(output) && !available(graph_.value(output)))
        report("unmade_value", "output '" + graph_.value(output).name + "'", "is made by nobody");
    for (const Capture& capture : graph_.captures()) {
      const bool outer_good =
          outer_ && capture.outer.index < outer_->values().size() && outer_->value(capture.outer).alive;
      if (!outer_good || !good(capture.inner) || !graph_.value(capture.inner).is_capture)
        report("capture", "the graph's captures", "a capture does not join an outer to an inner value");
    }
  }

  void check_subgraphs(const Node& node) {
    std::set<ValueId> captured;
    const auto descend = [&](const std::string& attribute, const std::shared_ptr<Graph>& body) {
      if (!body)
        return report("subgraph", place(node), "attribute '" + attribute + "' holds no graph", node.id);
      for (const Capture& capture : body->captures()) captured.insert(capture.outer);
      Verifier(*body, &graph_, place_ + place(node) + ", " + attribute + ": ", findings_).run();
    };
    for (const auto& [name, value] : node.attributes.all()) {
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) descend(name, *body);
      if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&value))
        for (const auto& body : *bodies) descend(name, body);
    }
    if (captured != std::set<ValueId>(node.captured.begin(), node.captured.end()))
      report("capture", place(node), "does not list what its sub-graphs capture", node.id);
  }

  const Graph& graph_;
  const Graph* outer_;
  std::string place_;
  Findings& findings_;
  bool broken_ = false;
};

}  // namespace

Findings verify(const Graph& graph) {
  Findings findings;
  Verifier(graph, nullptr, "", findings).run();
  return findings;
}

}  // namespace lathe
