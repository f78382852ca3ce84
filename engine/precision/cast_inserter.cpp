// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/cast_inserter.h"

#include <algorithm>

#include "engine/precision/narrow_constant.h"

namespace lathe {
namespace {

/// Every value of `from` is one of `to`.
bool is_widening(ElementType from, ElementType to) {
  return to == ElementType::f32 && (from == ElementType::f16 || from == ElementType::bf16);
}

template <class Visit>
void for_each_body(const Node& node, Visit&& visit) {
  for (const auto& [name, attribute] : node.attributes.all()) {
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) visit(**body);
    if (const auto* bodies = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute))
      for (const auto& each : *bodies) visit(*each);
  }
}

}  // namespace

Status CastInserter::run() {
  // Types as they are now, so that each step can ask the graph.
  for (const Value& value : graph_.values())
    if (value.alive && plan_.types.type(value.id).is_tensor() && !value.type.is_tensor())
      editor_.set_type(value.id, plan_.types.type(value.id));
  LATHE_TRY(enter_captures());
  LATHE_TRY(narrow_whole_constants());
  for (const NodeId id : plan_.order) LATHE_TRY(rewrite(id));
  return {};
}

ElementType CastInserter::unanimous(const Graph& graph, const PrecisionPlan& plan, ValueId value) {
  if (graph.value(value).is_output) return ElementType::undefined;
  ElementType agreed = ElementType::undefined;
  bool agree = true;
  const auto add = [&](ElementType type) {
    const bool is_narrow = type == ElementType::f16 || type == ElementType::bf16;
    agree = agree && is_narrow && (agreed == ElementType::undefined || agreed == type);
    agreed = type;
  };
  for (const NodeId user : graph.value(value).consumers) {
    const Node& node = graph.node(user);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] == value && plan.wanted(node, i) != ElementType::undefined)
        add(plan.wanted(node, i));
    for_each_body(node, [&](const Graph& body) {
      for (const Capture& capture : body.captures())
        if (capture.outer == value) add(unanimous(body, plan.bodies.at(&body), capture.inner));
    });
  }
  return agree ? agreed : ElementType::undefined;
}

Result<Tensor> CastInserter::narrow(const Tensor& tensor, ElementType type, const std::string& name) {
  LATHE_ASSIGN(NarrowConstant made, narrow_constant(tensor, type));
  if (made.clamped > 0)
    log_.notes.push_back({Severity::note,
                          "clamped_constant",
                          "tensor '" + name + "'",
                          std::to_string(made.clamped) + " elements of constant '" + name +
                              "' beyond the range of " + precision_name(type) + " became its largest number",
                          "",
                          {}});
  return std::move(made.tensor);
}

/// Constants that all who read them want narrow keep their names.
Status CastInserter::narrow_whole_constants() {
  for (size_t i = 0; i < graph_.values().size(); ++i) {
    const Value& value = graph_.values()[i];
    const Tensor* tensor = value.alive ? graph_.constant(value.id) : nullptr;
    if (tensor == nullptr || tensor->type() != ElementType::f32) continue;
    const ElementType type = unanimous(graph_, plan_, value.id);
    if (type == ElementType::undefined) continue;
    LATHE_ASSIGN(Tensor made, narrow(*tensor, type, value.name));
    editor_.set_type(value.id, TypeInfo::tensor(type, to_dims(made.shape())));
    if (value.constant.defined())
      editor_.set_constant(value.id, std::move(made));
    else
      editor_.set_attribute(value.producer, "value", std::move(made));
  }
  return {};
}

/// A captured value has the type it has outside by now, or the one that all inside want.
Status CastInserter::enter_captures() {
  if (outer_ == nullptr) return {};
  std::map<ValueId, ValueId> moved;
  for (const Capture& capture : graph_.captures()) {
    if (!plan_.is_f32(capture.inner)) continue;
    const ElementType wanted = unanimous(graph_, plan_, capture.inner);
    if (wanted != ElementType::undefined) {
      LATHE_ASSIGN(moved[capture.outer], outer_->in_type(capture.outer, wanted, outer_->graph_.node(owner_)));
    }
    const ValueId source = moved.contains(capture.outer) ? moved[capture.outer] : capture.outer;
    TypeInfo type = graph_.value(capture.inner).type;
    type.element = outer_->type_of(source);
    editor_.set_type(capture.inner, std::move(type));
  }
  editor_.map_captures([&](ValueId outer) { return moved.contains(outer) ? moved[outer] : outer; });
  return {};
}

Status CastInserter::rewrite(NodeId id) {
  const PrecisionDecision& decision = plan_.of(id);
  LATHE_TRY(rewrite_bodies(id));
  std::vector<ValueId> inputs = graph_.node(id).inputs;
  bool changed = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].valid() || !plan_.is_f32(inputs[i])) continue;
    const ElementType wanted = plan_.wanted(graph_.node(id), i);
    if (wanted == ElementType::undefined) continue;
    LATHE_ASSIGN(const ValueId form, in_type(inputs[i], wanted, graph_.node(id)));
    changed = changed || form != inputs[i];
    inputs[i] = form;
  }
  if (changed) editor_.set_node_inputs(id, std::move(inputs));
  return decision.narrow() ? rewrite_outputs(id, decision) : Status();
}

Status CastInserter::rewrite_outputs(NodeId id, const PrecisionDecision& decision) {
  if (type_is_attribute(graph_.node(id))) LATHE_TRY(rewrite_attribute(id, decision.type));
  std::vector<ValueId> outputs = graph_.node(id).outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].valid() || !plan_.is_f32(outputs[i]) || !is_narrowed_output(*decision.form, i)) continue;
    TypeInfo type = graph_.value(outputs[i]).type;
    type.element = decision.type;
    if (!graph_.value(outputs[i]).is_output) {
      editor_.set_type(outputs[i], std::move(type));
      continue;
    }
    // An output keeps its name and type: a cast makes it.
    const ValueId old = outputs[i];
    outputs[i] =
        editor_.add_value(graph_.value(old).name + "_" + precision_name(decision.type), std::move(type));
    editor_.set_node_outputs(id, outputs);
    forms_[{old, decision.type}] = outputs[i];
    put_cast(outputs[i], old, ElementType::f32, graph_.node(id), "outputs of the model keep their type");
  }
  return {};
}

Status CastInserter::rewrite_attribute(NodeId id, ElementType type) {
  const Node& node = graph_.node(id);
  if (node.op_type == "Cast") {
    editor_.set_attribute(id, "to", static_cast<int64_t>(type));
    return {};
  }
  const Tensor* value = node.attributes.get<Tensor>("value");
  LATHE_ASSIGN(Tensor made,
               narrow(value != nullptr ? *value : Tensor::from<float>({1}, {0.0F}), type, node.name));
  editor_.set_attribute(id, "value", std::move(made));
  return {};
}

Status CastInserter::rewrite_bodies(NodeId id) {
  std::vector<std::shared_ptr<Graph>> bodies;
  for (const auto& [name, attribute] : graph_.node(id).attributes.all()) {
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&attribute)) bodies.push_back(*body);
    if (const auto* list = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute))
      bodies.insert(bodies.end(), list->begin(), list->end());
  }
  if (bodies.empty()) return {};
  std::vector<ValueId> captured;
  for (const auto& body : bodies) {
    LATHE_TRY(CastInserter(*body, plan_.bodies.at(body.get()), log_, this, id).run());
    for (const Capture& capture : body->captures())
      if (std::find(captured.begin(), captured.end(), capture.outer) == captured.end())
        captured.push_back(capture.outer);
  }
  editor_.set_node_captured(id, std::move(captured));
  return {};
}

Result<ValueId> CastInserter::in_type(ValueId value, ElementType type, const Node& user) {
  if (type_of(value) == type) return value;
  const auto known = forms_.find({value, type});
  if (known == forms_.end()) {
    LATHE_ASSIGN(const ValueId made, make_form(value, type, user));
    forms_[{value, type}] = made;
    return made;
  }
  // A cast that several read belongs to what they have in common.
  if (const auto cast = casts_.find(known->second); cast != casts_.end() && outer_ == nullptr) {
    const ModuleId now = graph_.node(cast->second).module;
    if (now.valid() && user.module.valid())
      editor_.set_module(cast->second, log_.modules->deepest_common(now, user.module));
  }
  return known->second;
}

Result<ValueId> CastInserter::make_form(ValueId value, ElementType type, const Node& user) {
  const std::string name = graph_.value(value).name + "_" + precision_name(type);
  if (const Tensor* tensor = graph_.constant(value);
      tensor != nullptr && tensor->type() == ElementType::f32) {
    const Tensor wide = *tensor;  // the graph moves when a value is added
    LATHE_ASSIGN(Tensor made, narrow(wide, type, graph_.value(value).name));
    return editor_.add_constant(name, std::move(made));
  }
  if (graph_.value(value).is_capture && outer_ != nullptr) return capture_form(value, type);
  // A cast of the model's own that only widened is passed by.
  if (const NodeId maker = graph_.value(value).producer; maker.valid()) {
    const Node& cast = graph_.node(maker);
    if (cast.domain.empty() && cast.op_type == "Cast" && is_widening(type, type_of(value)) &&
        cast.inputs[0].valid() && type_of(cast.inputs[0]) == type)
      return cast.inputs[0];
  }
  return add_cast(value, type, user, name);
}

Result<ValueId> CastInserter::capture_form(ValueId value, ElementType type) {
  const auto capture = std::find_if(graph_.captures().begin(), graph_.captures().end(),
                                    [&](const Capture& each) { return each.inner == value; });
  LATHE_ASSIGN(const ValueId source, outer_->in_type(capture->outer, type, outer_->graph_.node(owner_)));
  TypeInfo made = graph_.value(value).type;
  made.element = type;
  return editor_.add_capture(source, graph_.value(value).name + "_" + precision_name(type), std::move(made));
}

ValueId CastInserter::add_cast(ValueId from, ElementType type, const Node& user, const std::string& name) {
  TypeInfo made = graph_.value(from).type;
  made.element = type;
  const ValueId to = editor_.add_value(name, std::move(made));
  put_cast(from, to, type, user, "for '" + user.name + "'");
  return to;
}

/// The cast stands beside `neighbour`: same module, and named so that other readers find that module, too.
void CastInserter::put_cast(ValueId from, ValueId to, ElementType type, const Node& neighbour,
                            std::string reason) {
  Node cast;
  cast.name = neighbour.name + "_to_" + precision_name(type);
  cast.op_type = "Cast";
  cast.version = log_.opset;
  cast.inputs = {from};
  cast.outputs = {to};
  cast.attributes.set("to", static_cast<int64_t>(type));
  cast.module = neighbour.module;
  cast.metadata = neighbour.metadata;
  cast.source = neighbour.source;
  const NodeId id = editor_.add_node(std::move(cast));
  casts_[to] = id;
  ++log_.casts;
  if (outer_ == nullptr) log_.reasons[graph_.node(id).name] = std::move(reason);
}

}  // namespace lathe
