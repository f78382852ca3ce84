// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/int8_plan.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "engine/base/strings.h"
#include "engine/precision/int8_rules.h"
#include "engine/precision/weights_plan.h"

namespace lathe {
namespace {

bool is(const Node& node, std::initializer_list<std::string_view> op_types) {
  return node.domain.empty() && std::find(op_types.begin(), op_types.end(), node.op_type) != op_types.end();
}

double elements(const TypeInfo& type) {
  if (!type.dims) return 0;
  double count = 1;
  for (const Dim& dim : *type.dims) count *= dim.known() ? static_cast<double>(dim.value()) : 1.0;
  return count;
}

class Planner {
 public:
  Planner(const Graph& graph, const Int8Wishes& wishes, Int8Plan& plan)
      : graph_(graph), wishes_(wishes), plan_(plan) {}

  void run() {
    for (const NodeId id : plan_.order) decide_product(graph_.node(id));
    for (const NodeId id : plan_.order) decide_table(graph_.node(id));
    for (const NodeId id : plan_.order) quantise_around(graph_.node(id));
    for (auto id = plan_.order.rbegin(); id != plan_.order.rend(); ++id) quantise_addends(graph_.node(*id));
    for (const NodeId id : plan_.order) follow(graph_.node(id));
    for (const NodeId id : plan_.order) explain(graph_.node(id));
  }

 private:
  Int8Decision& of(const Node& node) { return plan_.nodes[node.id.index]; }
  bool is_f32(ValueId value) const {
    const TypeInfo& type = plan_.types.type(value);
    return type.is_tensor() && type.element == ElementType::f32;
  }
  bool constant(ValueId value) const { return constant_behind(graph_, value) != nullptr; }
  const Node* maker(ValueId value) const {
    const NodeId id = graph_.value(value).producer;
    return id.valid() ? &graph_.node(id) : nullptr;
  }
  const Node* sole_reader(ValueId value) const {
    const Value& each = graph_.value(value);
    return each.consumers.size() == 1 && !each.is_output ? &graph_.node(each.consumers.front()) : nullptr;
  }

  void decide_product(const Node& node) {
    if (!is(node, {"Conv", "MatMul", "Gemm"}) || !is_f32(node.outputs[0])) return;
    Int8Decision& made = of(node);
    made.product = true;
    const Tensor* weights = constant_behind(graph_, node.inputs[1]);
    made.channel_axis = is(node, {"Conv"}) || node.attributes.get_int("transB", 0) != 0 ? 0 : 1;
    made.flops = flops(node, weights, made.channel_axis);
    if (const std::string* why = asked_wide(node)) {
      made.rule = "asked";
      made.reason = *why;
      return;
    }
    for (const Int8Rule& rule : int8_rules()) {
      const auto why = rule.keeps_wide({graph_, plan_.types, node, weights});
      if (!why) continue;
      made.rule = rule.name;
      made.reason = *why;
      return;
    }
    made.int8 = true;
    made.rule = "product";
    made.reason = "multiplies 8-bit activations with constant 8-bit weights";
  }

  void decide_table(const Node& node) {
    if (!is(node, {"Gather"}) || !is_f32(node.outputs[0]) || graph_.constant(node.inputs[0]) == nullptr)
      return;
    Int8Decision& made = of(node);
    made.table = true;
    made.channel_axis = 1;
    if (const std::string* why = asked_wide(node)) {
      made.rule = "asked";
      made.reason = *why;
    } else if (const auto refusal = unfit_table(graph_, node)) {
      std::tie(made.rule, made.reason) = *refusal;
    } else {
      made.int8 = true;
      made.rule = "table";
      made.reason = "picks from a table stored in int8, one scale per column";
    }
  }

  double flops(const Node& node, const Tensor* weights, size_t channel_axis) const {
    const double outputs = elements(plan_.types.type(node.outputs[0]));
    if (weights != nullptr && weights->rank() > channel_axis && weights->dim(channel_axis) > 0)
      return 2 * outputs * static_cast<double>(weights->count()) /
             static_cast<double>(weights->dim(channel_axis));
    const auto& dims = plan_.types.type(node.inputs[0]).dims;
    return dims && !dims->empty() && dims->back().known()
               ? 2 * outputs * static_cast<double>(dims->back().value())
               : 0;
  }

  /// Why somebody wants the node wide; null where nobody does.
  const std::string* asked_wide(const Node& node) {
    if (const auto own = wishes_.wide.find(node.name); own != wishes_.wide.end()) return &own->second;
    const ModuleId module = node.module.valid() ? node.module : ModuleTree::root();
    for (ModuleId at = module; at.valid(); at = (*wishes_.modules)[at].parent)
      if (const auto found = wishes_.wide_modules.find(at); found != wishes_.wide_modules.end())
        return &found->second;
    return wishes_.asked[module.index] ? nullptr : &not_asked_;
  }

  void quantise(ValueId value) { plan_.tensors.try_emplace(value, value); }

  void quantise_around(const Node& node) {
    const Int8Decision& decision = of(node);
    if (!decision.computes()) return;
    quantise(node.inputs[0]);
    if (is(node, {"Conv"})) quantise_result(node.outputs[0]);
  }

  /// The value itself, or what the Relu or Clip behind it makes.
  void quantise_result(ValueId value) {
    const ValueId end = behind_activation(value);
    if (!graph_.value(end).consumers.empty()) quantise(end);
  }
  ValueId behind_activation(ValueId value) const {
    const Node* next = sole_reader(value);
    return next != nullptr && is(*next, {"Relu", "Clip"}) && next->inputs[0] == value ? next->outputs[0]
                                                                                      : value;
  }

  /// A sum that is wanted in 8 bit, of two things that are 8 bit or can be without another step in between.
  void quantise_addends(const Node& node) {
    if (!is(node, {"Add"}) || !plan_.quantised(behind_activation(node.outputs[0]))) return;
    const auto& shape = plan_.types.type(node.outputs[0]).dims;
    for (const ValueId input : node.inputs) {
      if (constant(input) || !is_f32(input) || plan_.types.type(input).dims != shape) return;
      if (plan_.quantised(input)) continue;
      const Node* made_by = maker(input);
      const bool sum = made_by != nullptr && is(*made_by, {"Add", "Relu", "Clip"});
      if (made_by == nullptr || !(of(*made_by).computes() || sum)) return;
    }
    if (std::none_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
          const Node* made_by = maker(input);
          return plan_.quantised(input) || (made_by != nullptr && of(*made_by).computes());
        }))
      return;
    for (const ValueId input : node.inputs) quantise(input);
    of(node) = {true, false,     0,
                0,    "between", "adds 8-bit tensors, in the product before it where there is one"};
  }

  /// Moves between quantised tensors, and what sits between a product and the quantisation of its result.
  void follow(const Node& node) {
    if (node.inputs.empty() || node.outputs.size() != 1 || !node.inputs[0].valid()) return;
    const ValueId from = node.inputs[0], to = node.outputs[0];
    if (is(node, {"MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze"}) &&
        plan_.quantised(from) && plan_.quantised(to)) {
      plan_.tensors[to] = plan_.tensors.at(from);
      of(node) = {true, false, 0, 0, "moves", "moves 8-bit elements"};
    }
    if (is(node, {"Relu", "Clip"}) && plan_.quantised(to)) {
      const Node* made_by = maker(from);
      if (made_by != nullptr && of(*made_by).computes() && !plan_.quantised(from))
        of(node) = {true, false, 0, 0, "between", "is part of the 8-bit product before it"};
    }
    if (is(node, {"Concat"}) && plan_.quantised(to) &&
        std::all_of(node.inputs.begin(), node.inputs.end(),
                    [&](ValueId each) { return plan_.quantised(each); }))
      of(node) = {true, false, 0, 0, "between", "joins 8-bit tensors"};
  }

  void explain(const Node& node) {
    Int8Decision& decision = of(node);
    if (!decision.rule.empty()) return;
    decision.rule = "no_8bit_form";
    decision.reason = "has no 8-bit form, or stands between nodes that compute in fp32";
  }

  const Graph& graph_;
  const Int8Wishes& wishes_;
  Int8Plan& plan_;
  const std::string not_asked_ = "no 8 bit is asked for here";
};

}  // namespace

const Tensor* constant_behind(const Graph& graph, ValueId value) {
  while (value.valid()) {
    if (const Tensor* tensor = graph.constant(value)) return tensor;
    const NodeId id = graph.value(value).producer;
    if (!id.valid() || !is(graph.node(id), {"Identity"})) return nullptr;
    value = graph.node(id).inputs[0];
  }
  return nullptr;
}

Result<Int8Plan> plan_int8(const Graph& graph, const Int8Wishes& wishes, const InferenceOptions& inference) {
  Int8Plan plan;
  plan.types = infer(graph, inference);
  LATHE_ASSIGN(plan.order, topological_order(graph));
  plan.nodes.resize(graph.nodes().size());
  Planner(graph, wishes, plan).run();
  return plan;
}

}  // namespace lathe
