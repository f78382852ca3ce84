// SPDX-License-Identifier: Apache-2.0
#include "profiler/compare/compare_graphs.h"

#include <algorithm>
#include <map>

#include "profiler/compare/compare_attributes.h"

namespace lathe {
namespace {

const Module& module_of(const Model& model, const Node& node) {
  return model.modules[node.module.valid() ? node.module : ModuleTree::root()];
}

/// Pairs nodes of two graphs, each at most once.
class Alignment {
 public:
  Alignment(const Model& a, const Model& b)
      : a_(a), b_(b), to_b_(a.graph.nodes().size()), to_a_(b.graph.nodes().size()) {
    by_name();
    by_place();
  }
  NodeId in_b(NodeId a) const { return to_b_[a.index]; }
  NodeId in_a(NodeId b) const { return to_a_[b.index]; }

 private:
  void pair(NodeId a, NodeId b) {
    to_b_[a.index] = b;
    to_a_[b.index] = a;
  }
  /// Names that an exporter counts up ("Conv_12") may stand for another node: something else must agree.
  void by_name() {
    for (const Node& node : a_.graph.nodes()) {
      if (!node.alive) continue;
      const auto found = b_.graph.find_node(node.name);
      if (!found || !b_.graph.node(*found).alive) continue;
      const Node& other = b_.graph.node(*found);
      if (node.qualified_type() == other.qualified_type() ||
          (!module_of(a_, node).path.empty() && module_of(a_, node).path == module_of(b_, other).path))
        pair(node.id, other.id);
    }
  }
  void by_place() {
    std::map<std::pair<std::string, std::string>, std::vector<NodeId>> left;
    for (const Node& node : b_.graph.nodes())
      if (node.alive && !in_a(node.id).valid())
        left[{module_of(b_, node).path, node.qualified_type()}].push_back(node.id);
    for (auto& [place, nodes] : left) std::reverse(nodes.begin(), nodes.end());
    for (const Node& node : a_.graph.nodes()) {
      if (!node.alive || in_b(node.id).valid()) continue;
      const auto found = left.find({module_of(a_, node).path, node.qualified_type()});
      if (found == left.end() || found->second.empty()) continue;
      pair(node.id, found->second.back());
      found->second.pop_back();
    }
  }

  const Model& a_;
  const Model& b_;
  std::vector<NodeId> to_b_, to_a_;
};

class GraphComparer {
 public:
  GraphComparer(const GraphSide& a, const GraphSide& b) : a_(a), b_(b), alignment_(a.model, b.model) {}

  GraphComparison run() {
    result_.nodes_a = a_.model.graph.node_count();
    result_.nodes_b = b_.model.graph.node_count();
    interface(a_.model.graph.inputs(), b_.model.graph.inputs(), "input");
    interface(a_.model.graph.outputs(), b_.model.graph.outputs(), "output");
    for (const Node& node : b_.model.graph.nodes())
      if (node.alive) visit_b(node);
    for (const Node& node : a_.model.graph.nodes()) {
      if (!node.alive) continue;
      const NodeId other = alignment_.in_b(node.id);
      if (other.valid())
        result_.pairs.push_back({node.id, other});
      else
        add(difference(NodeDifference::Kind::removed, &node, nullptr), module_of(a_.model, node));
    }
    for (auto& [path, module] : modules_) order_.emplace_back(module.first, &module.second);
    std::sort(order_.begin(), order_.end(),
              [](const auto& left, const auto& right) { return left.first < right.first; });
    for (auto& [position, module] : order_) result_.modules.push_back(std::move(*module));
    return std::move(result_);
  }

 private:
  void visit_b(const Node& node) {
    const NodeId other = alignment_.in_a(node.id);
    if (!other.valid()) {
      add(difference(NodeDifference::Kind::added, nullptr, &node), module_of(b_.model, node));
      return;
    }
    const Node& before = a_.model.graph.node(other);
    NodeDifference changed = difference(NodeDifference::Kind::changed, &before, &node);
    changed.changes = changes(before, node);
    if (!changed.changes.empty()) add(std::move(changed), module_of(b_.model, node));
  }

  NodeDifference difference(NodeDifference::Kind kind, const Node* a, const Node* b) const {
    NodeDifference made;
    made.kind = kind;
    if (a != nullptr) {
      made.a = a->id;
      made.op_a = a->qualified_type();
    }
    if (b != nullptr) {
      made.b = b->id;
      made.op_b = b->qualified_type();
    }
    made.name = b != nullptr ? b->name : a->name;
    made.module = b != nullptr ? module_of(b_.model, *b).path : module_of(a_.model, *a).path;
    return made;
  }

  void add(NodeDifference difference, const Module& module) {
    auto [entry, fresh] = modules_.try_emplace(module.path);
    auto& [position, made] = entry->second;
    if (fresh) {
      position = modules_.size();
      made.path = module.path;
      made.class_name = module.class_name;
    }
    switch (difference.kind) {
      case NodeDifference::Kind::added:
        ++made.added, ++result_.added;
        break;
      case NodeDifference::Kind::removed:
        ++made.removed, ++result_.removed;
        break;
      case NodeDifference::Kind::changed:
        ++made.changed, ++result_.changed;
        break;
    }
    made.nodes.push_back(std::move(difference));
  }

  std::vector<std::string> changes(const Node& a, const Node& b) const {
    std::vector<std::string> lines;
    if (a.qualified_type() != b.qualified_type())
      lines.push_back("operator: " + a.qualified_type() + " -> " + b.qualified_type());
    else
      lines = attribute_changes(a, b);
    if (module_of(a_.model, a).path != module_of(b_.model, b).path)
      lines.push_back("module: '" + module_of(a_.model, a).path + "' -> '" + module_of(b_.model, b).path +
                      "'");
    for (size_t i = 0; i < std::max(a.inputs.size(), b.inputs.size()); ++i)
      if (!same_source(at(a.inputs, i), at(b.inputs, i)))
        lines.push_back("input " + std::to_string(i) + ": " + source(a_.model.graph, at(a.inputs, i)) +
                        " -> " + source(b_.model.graph, at(b.inputs, i)));
    for (size_t i = 0; i < std::max(a.outputs.size(), b.outputs.size()); ++i) {
      const std::string before = type(a_, at(a.outputs, i)), after = type(b_, at(b.outputs, i));
      if (before != after) lines.push_back("output " + std::to_string(i) + ": " + before + " -> " + after);
    }
    return lines;
  }

  static ValueId at(const std::vector<ValueId>& values, size_t i) {
    return i < values.size() ? values[i] : ValueId();
  }
  static std::string type(const GraphSide& side, ValueId id) {
    return id.valid() ? to_string(side.type(id)) : "absent";
  }
  static std::string source(const Graph& graph, ValueId id) {
    if (!id.valid()) return "absent";
    const Value& value = graph.value(id);
    if (graph.constant(id) != nullptr) return "constant '" + value.name + "'";
    return value.producer.valid() ? "'" + value.name + "' of " + graph.node(value.producer).name
                                  : "'" + value.name + "'";
  }
  /// The two values come from the same place. Constants do: what they hold is another question.
  bool same_source(ValueId a, ValueId b) const {
    if (!a.valid() || !b.valid()) return a.valid() == b.valid();
    const Graph &from_a = a_.model.graph, &from_b = b_.model.graph;
    if (from_a.constant(a) != nullptr || from_b.constant(b) != nullptr)
      return (from_a.constant(a) != nullptr) == (from_b.constant(b) != nullptr);
    const Value &left = from_a.value(a), &right = from_b.value(b);
    if (left.producer.valid() != right.producer.valid()) return false;
    if (!left.producer.valid()) return left.name == right.name;
    return alignment_.in_b(left.producer) == right.producer && left.producer_output == right.producer_output;
  }

  void interface(const std::vector<ValueId>& from_a, const std::vector<ValueId>& from_b, const char* what) {
    std::map<std::string, ValueId> others;
    for (const ValueId id : from_b) others[b_.model.graph.value(id).name] = id;
    for (const ValueId id : from_a) {
      const std::string& name = a_.model.graph.value(id).name;
      const std::string label = std::string(what) + " '" + name + "': ";
      const auto other = others.find(name);
      if (other == others.end()) {
        result_.interface.push_back(label + "only in A");
        continue;
      }
      const std::string before = type(a_, id), after = type(b_, other->second);
      if (before != after) result_.interface.push_back(label + before + " -> " + after);
      others.erase(other);
    }
    for (const auto& [name, id] : others)
      result_.interface.push_back(std::string(what) + " '" + name + "': only in B");
  }

  const GraphSide& a_;
  const GraphSide& b_;
  Alignment alignment_;
  GraphComparison result_;
  std::map<std::string, std::pair<size_t, ModuleDifference>> modules_;  // by path, with order of appearance
  std::vector<std::pair<size_t, ModuleDifference*>> order_;
};

}  // namespace

const char* to_string(NodeDifference::Kind kind) {
  switch (kind) {
    case NodeDifference::Kind::added:
      return "added";
    case NodeDifference::Kind::removed:
      return "removed";
    case NodeDifference::Kind::changed:
      return "changed";
  }
  return "";
}

GraphComparison compare_graphs(const GraphSide& a, const GraphSide& b) {
  return GraphComparer(a, b).run();
}

}  // namespace lathe
