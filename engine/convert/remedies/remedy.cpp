// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/remedies/remedy.h"

#include <unordered_map>

#include "engine/convert/remedy_list.h"

namespace lathe {

const RemedyAction* RemedyRegistry::find(Remedy::Kind kind) const {
  for (const RemedyAction& action : actions_)
    if (action.kind == kind) return &action;
  return nullptr;
}

const RemedyRegistry& remedies() {
  static const RemedyRegistry registry = [] {
    RemedyRegistry made;
    register_all_remedies(made);
    return made;
  }();
  return registry;
}

std::vector<std::string> input_subjects(const RemedyContext& context) {
  std::vector<std::string> names;
  for (const ValueId id : context.model.graph.inputs()) names.push_back(context.model.graph.value(id).name);
  return names;
}

std::vector<std::string> module_subjects(const RemedyContext& context) {
  std::vector<std::string> paths;
  for (const Module& module : context.model.modules.modules()) paths.push_back(module.path);
  return paths;
}

std::vector<std::string> node_subjects(const RemedyContext& context) {
  std::vector<std::string> names;
  for (const Node& node : context.model.graph.nodes())
    if (node.alive) names.push_back(node.name);
  return names;
}

Result<NodeId> node_of(const RemedyContext& context, std::string_view op_type) {
  const auto id = context.model.graph.find_node(context.step.subject);
  if (!id) return usage_error("", "there is no such node");
  const Node& node = context.model.graph.node(*id);
  if (!op_type.empty() && (node.op_type != op_type || !node.domain.empty()))
    return usage_error("", "the node is a " + node.qualified_type() + ", not a " + std::string(op_type));
  return *id;
}

namespace {

class Inlining {
 public:
  Inlining(GraphEditor& editor, const Graph& body, const Node& owner, std::string prefix)
      : editor_(editor), body_(body), owner_(owner), prefix_(std::move(prefix)) {}

  std::vector<ValueId> run(const std::vector<ValueId>& inputs) {
    for (size_t i = 0; i < inputs.size() && i < body_.inputs().size(); ++i)
      map_[body_.inputs()[i]] = inputs[i];
    for (const Capture& capture : body_.captures()) map_[capture.inner] = capture.outer;
    for (const Node& node : body_.nodes())
      if (node.alive) add(node);
    std::vector<ValueId> outputs;
    for (const ValueId output : body_.outputs()) outputs.push_back(map(output));
    return outputs;
  }

 private:
  ValueId map(ValueId id) {
    if (!id.valid()) return id;
    const auto [at, added] = map_.try_emplace(id);
    if (!added) return at->second;
    const Value& value = body_.value(id);
    at->second = value.constant.defined() ? editor_.add_constant(prefix_ + value.name, value.constant)
                                          : editor_.add_value(prefix_ + value.name, value.type);
    return at->second;
  }

  std::shared_ptr<Graph> rewired(const Graph& inner) {
    auto copy = std::make_shared<Graph>(inner.clone());
    GraphEditor(*copy).map_captures([&](ValueId outer) { return map(outer); });
    return copy;
  }

  void add(const Node& node) {
    Node copy = node;
    copy.name = prefix_ + node.name;
    copy.module = owner_.module;
    if (copy.source.empty()) copy.source = owner_.source;
    for (auto* list : {&copy.inputs, &copy.outputs, &copy.captured})
      for (ValueId& id : *list) id = map(id);
    for (const auto& [name, attribute] : node.attributes.all()) {
      if (const auto* inner = std::get_if<std::shared_ptr<Graph>>(&attribute))
        copy.attributes.set(name, rewired(**inner));
      if (const auto* list = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute)) {
        std::vector<std::shared_ptr<Graph>> copies;
        for (const auto& each : *list) copies.push_back(rewired(*each));
        copy.attributes.set(name, std::move(copies));
      }
    }
    editor_.add_node(std::move(copy));
  }

  GraphEditor& editor_;
  const Graph& body_;
  const Node& owner_;
  std::string prefix_;
  std::unordered_map<ValueId, ValueId> map_;
};

}  // namespace

std::vector<ValueId> inline_body(GraphEditor& editor, const Graph& body, const std::vector<ValueId>& inputs,
                                 const Node& owner, const std::string& prefix) {
  return Inlining(editor, body, owner, prefix).run(inputs);
}

void replace_node(GraphEditor& editor, NodeId id, const std::vector<ValueId>& values) {
  const Node old = editor.graph().node(id);
  editor.remove_node(id);
  for (size_t i = 0; i < old.outputs.size() && i < values.size(); ++i) {
    const ValueId output = old.outputs[i];
    if (!output.valid() || output == values[i]) continue;
    if (editor.graph().value(output).is_output) {
      // The model's output stays the value it was, whatever makes it now.
      Node copy;
      copy.name = old.name + "_out";
      copy.op_type = "Identity";
      copy.version = old.domain.empty() ? old.version : 13;
      copy.inputs = {values[i]};
      copy.outputs = {output};
      copy.module = old.module;
      copy.source = old.source;
      editor.add_node(std::move(copy));
    } else {
      editor.replace_uses(output, values[i]);
    }
  }
}

}  // namespace lathe
