// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/rebuild.h"

#include <unordered_map>

namespace lathe {
namespace {

class Rebuild {
 public:
  Rebuild(const Graph& from, int version, const std::unordered_map<ValueId, ValueId>* outer)
      : from_(from), version_(version), outer_(outer), editor_(to_) {}

  Result<Graph> run() {
    to_.name = from_.name;
    to_.doc = from_.doc;
    to_.metadata = from_.metadata;
    for (const ValueId id : from_.inputs()) map_[id] = editor_.add_input(value(id).name, value(id).type);
    for (const Capture& capture : from_.captures()) {
      const ValueId outer = outer_ != nullptr ? outer_->at(capture.outer) : capture.outer;
      map_[capture.inner] = editor_.add_capture(outer, value(capture.inner).name, value(capture.inner).type);
    }
    for (const Value& each : from_.values())
      if (each.alive && !map_.contains(each.id)) add_value(each);
    LATHE_ASSIGN(const std::vector<NodeId> order, topological_order(from_));
    for (const NodeId id : order) LATHE_TRY(add_node(from_.node(id)));
    std::vector<ValueId> outputs;
    for (const ValueId id : from_.outputs()) outputs.push_back(map_.at(id));
    editor_.set_outputs(std::move(outputs));
    return std::move(to_);
  }

 private:
  const Value& value(ValueId id) const { return from_.value(id); }

  void add_value(const Value& each) {
    const ValueId made = editor_.add_value(each.name, each.type);
    if (each.constant.defined()) editor_.set_constant(made, each.constant);
    map_[each.id] = made;
  }

  Status add_node(const Node& node) {
    Node copy = node;
    for (auto* list : {&copy.inputs, &copy.captured, &copy.outputs})
      for (ValueId& id : *list)
        if (id.valid()) id = map_.at(id);
    if (version_ != 0 && copy.domain.empty()) copy.version = version_;
    for (const auto& [name, attribute] : std::vector(copy.attributes.all())) {
      if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) {
        LATHE_ASSIGN(std::shared_ptr<Graph> made, rebuild_body(**body));
        copy.attributes.set(name, std::move(made));
      }
      if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute)) {
        std::vector<std::shared_ptr<Graph>> all;
        for (const auto& each : *bodies) {
          LATHE_ASSIGN(std::shared_ptr<Graph> made, rebuild_body(*each));
          all.push_back(std::move(made));
        }
        copy.attributes.set(name, std::move(all));
      }
    }
    editor_.add_node(std::move(copy));
    return {};
  }

  Result<std::shared_ptr<Graph>> rebuild_body(const Graph& body) const {
    LATHE_ASSIGN(Graph made, Rebuild(body, version_, &map_).run());
    return std::make_shared<Graph>(std::move(made));
  }

  const Graph& from_;
  int version_;
  const std::unordered_map<ValueId, ValueId>* outer_;
  Graph to_;
  GraphEditor editor_;
  std::unordered_map<ValueId, ValueId> map_;
};

}  // namespace

Result<Graph> rebuild(const Graph& graph, int version) {
  return Rebuild(graph, version, nullptr).run();
}

void refresh_modules(Model& model) {
  for (const Module& module : std::vector(model.modules.modules()))
    model.modules.edit(module.id).nodes.clear();
  for (const Node& node : model.graph.nodes())
    if (node.alive && node.module.valid()) model.modules.edit(node.module).nodes.push_back(node.id);
}

}  // namespace lathe
