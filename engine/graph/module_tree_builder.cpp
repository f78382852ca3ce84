// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/module_tree_builder.h"

#include <algorithm>

#include "engine/graph/module_names.h"

namespace lathe {
namespace {

struct NamedModules {
  ModuleSource source = ModuleSource::none;
  ModuleNames names;
};

NamedModules read_names(const Graph& graph) {
  if (auto names = names_from_dynamo(graph)) return {ModuleSource::dynamo_metadata, std::move(*names)};
  if (auto names = names_from_torchscript(graph)) return {ModuleSource::torchscript_names, std::move(*names)};
  if (auto names = names_from_tensorflow(graph)) return {ModuleSource::tensorflow_names, std::move(*names)};
  if (auto names = names_from_weights(graph)) return {ModuleSource::grouped, std::move(*names)};
  NamedModules nothing;
  nothing.names.paths.resize(graph.nodes().size());
  return nothing;
}

/// Gives every node a module: the one its exporter named, else one that follows from its neighbours.
class Assignment {
 public:
  Assignment(const Graph& graph, ModuleTree& tree, const ModuleNames& names, const std::vector<NodeId>& order,
             const std::vector<bool>& constant)
      : graph_(graph),
        tree_(tree),
        names_(names),
        order_(order),
        constant_(constant),
        modules_(graph.nodes().size()) {}

  std::vector<ModuleId> run() {
    for (const Node& node : graph_.nodes()) {
      const auto& path = names_.paths[node.id.index];
      if (node.alive && path && !is_constant_node(node)) modules_[node.id.index] = tree_.add(*path);
    }
    tree_.source == ModuleSource::grouped ? place_between_neighbours() : inherit();
    for (ModuleId& module : modules_)
      if (!module.valid()) module = ModuleTree::root();
    return modules_;
  }

 private:
  /// Constants have no home of their own, whatever they are called: they go where they are used.
  static bool is_constant_node(const Node& node) { return node.op_type == "Constant" && node.domain.empty(); }

  /// From a producer; what prepares weights, and DequantizeLinear, belongs to who uses it.
  void inherit() {
    for (const NodeId id : order_)
      if (!modules_[id.index].valid() && !constant_[id.index] &&
          graph_.node(id).op_type != "DequantizeLinear")
        modules_[id.index] = first_producer(id);
    for (auto id = order_.rbegin(); id != order_.rend(); ++id)
      if (!modules_[id->index].valid()) modules_[id->index] = common_consumer(*id);
    for (const NodeId id : order_)
      if (!modules_[id.index].valid()) modules_[id.index] = first_producer(id);
  }

  /// Without any names of nodes: deepest module common to the layers with weights before and after.
  void place_between_neighbours() {
    const std::vector<ModuleId> named = modules_;
    for (const NodeId id : order_)
      if (!modules_[id.index].valid() && !constant_[id.index]) modules_[id.index] = first_producer(id);
    std::vector<ModuleId> before = modules_;
    modules_ = named;
    for (auto id = order_.rbegin(); id != order_.rend(); ++id)
      if (!modules_[id->index].valid()) modules_[id->index] = common_consumer(*id);
    for (const NodeId id : order_) {
      if (named[id.index].valid() || constant_[id.index]) continue;
      const ModuleId a = before[id.index], b = modules_[id.index];
      modules_[id.index] = a.valid() && b.valid() ? tree_.deepest_common(a, b) : ModuleTree::root();
    }
  }

  ModuleId first_producer(NodeId id) const {
    for (const ValueId input : graph_.node(id).inputs) {
      const NodeId producer = input.valid() ? graph_.value(input).producer : NodeId();
      if (producer.valid() && modules_[producer.index].valid()) return modules_[producer.index];
    }
    return {};
  }

  ModuleId common_consumer(NodeId id) const {
    ModuleId common;
    for (const ValueId output : graph_.node(id).outputs) {
      if (!output.valid()) continue;
      for (const NodeId consumer : graph_.value(output).consumers) {
        const ModuleId module = modules_[consumer.index];
        if (module.valid()) common = common.valid() ? tree_.deepest_common(common, module) : module;
      }
    }
    return common;
  }

  const Graph& graph_;
  ModuleTree& tree_;
  const ModuleNames& names_;
  const std::vector<NodeId>& order_;
  const std::vector<bool>& constant_;
  std::vector<ModuleId> modules_;
};

void set_classes(ModuleTree& tree, const ModuleNames& names, const Graph& graph,
                 const std::vector<bool>& constant) {
  for (size_t i = 0; i < tree.modules().size(); ++i) {
    Module& module = tree.edit(ModuleId(i));
    if (const auto known = names.classes.find(module.path); known != names.classes.end()) {
      const size_t dot = known->second.rfind('.');
      module.class_name = dot == std::string::npos ? known->second : known->second.substr(dot + 1);
      if (dot != std::string::npos) module.python_module = known->second.substr(0, dot);
    } else if (i > 0 && module.children.empty()) {
      const std::string inferred = infer_layer_class(graph, module.nodes, constant);
      if (inferred.empty()) continue;
      module.class_name = inferred;
      module.class_inferred = true;
    }
  }
}

/// Nodes of sub-graphs belong where the node stands that runs them.
void set_subgraph_modules(const Node& owner, ModuleId module) {
  const auto set = [&](const std::shared_ptr<Graph>& body) {
    GraphEditor editor(*body);
    for (size_t i = 0; i < body->nodes().size(); ++i) {
      editor.set_module(NodeId(i), module);
      set_subgraph_modules(body->nodes()[i], module);
    }
  };
  for (const auto& [name, value] : owner.attributes.all()) {
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) set(*body);
    if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&value))
      std::for_each(bodies->begin(), bodies->end(), set);
  }
}

std::vector<NodeId> processing_order(const Graph& graph) {
  if (auto order = topological_order(graph); order.ok()) return std::move(*order);
  std::vector<NodeId> order;  // a cycle: any order will do, verification reports it
  for (const Node& node : graph.nodes())
    if (node.alive) order.push_back(node.id);
  return order;
}

}  // namespace

std::vector<bool> constant_nodes(const Graph& graph, const std::vector<NodeId>& order) {
  std::vector<bool> constant(graph.nodes().size(), false);
  const auto is_constant = [&](ValueId input) {
    if (!input.valid()) return true;
    const Value& value = graph.value(input);
    return value.constant.defined() || (value.producer.valid() && constant[value.producer.index]);
  };
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    const bool computes = !node.inputs.empty() && node.captured.empty() &&
                          std::all_of(node.inputs.begin(), node.inputs.end(), is_constant);
    constant[id.index] = computes || (node.op_type == "Constant" && node.domain.empty());
  }
  return constant;
}

void build_module_tree(Model& model) {
  model.modules = ModuleTree();
  const Graph& graph = model.graph;
  const NamedModules named = read_names(graph);
  model.modules.source = named.source;
  const std::vector<NodeId> order = processing_order(graph);
  const std::vector<bool> constant = constant_nodes(graph, order);
  const std::vector<ModuleId> modules = Assignment(graph, model.modules, named.names, order, constant).run();
  GraphEditor editor(model.graph);
  for (const Node& node : graph.nodes()) {
    const ModuleId module = modules[node.id.index];
    editor.set_module(node.id, module);
    if (!node.alive) continue;
    model.modules.edit(module).nodes.push_back(node.id);
    set_subgraph_modules(node, module);
  }
  set_classes(model.modules, named.names, graph, constant);
}

}  // namespace lathe
