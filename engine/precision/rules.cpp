// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/rules.h"

#include <algorithm>
#include <functional>

#include "engine/precision/precision_rule_list.h"

namespace lathe {
namespace {

bool is_integer_cast(const Node& node) {
  if (!node.domain.empty() || node.op_type != "Cast") return false;
  const auto to = element_type_from_onnx(static_cast<int>(node.attributes.get_int("to", 0)));
  return to && is_integer(*to);
}

bool is_angle(const Node& node) {
  return node.domain.empty() && (node.op_type == "Sin" || node.op_type == "Cos" || node.op_type == "Tan");
}

/// Nodes all of whose results are read by nodes for which `ends` holds, directly or through such nodes.
/// Products are passed through only where asked.
std::vector<bool> leading_to(const Graph& graph, const std::vector<NodeId>& order,
                             const std::function<bool(const Node&)>& ends, bool through_products) {
  std::vector<bool> leads(graph.nodes().size(), false);
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const Node& node = graph.node(*at);
    const NarrowForm* form = narrow_form(node);
    if (form == nullptr || (form->role == NarrowForm::Role::product && !through_products)) continue;
    bool used = false, all = true;
    for (const ValueId output : node.outputs) {
      if (!output.valid()) continue;
      all = all && !graph.value(output).is_output;
      for (const NodeId user : graph.value(output).consumers) {
        used = true;
        all = all && (leads[user.index] || ends(graph.node(user)));
      }
    }
    leads[node.id.index] = used && all;
  }
  return leads;
}

/// Elements of the node's largest constant input: its weights.
int64_t weight_count(const Graph& graph, const Node& node) {
  int64_t count = 0;
  for (const ValueId input : node.inputs)
    if (const Tensor* tensor = graph.constant(input)) count = std::max(count, tensor->count());
  return count;
}

size_t varying_inputs(const Graph& graph, const Node& node) {
  return static_cast<size_t>(std::count_if(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
    return input.valid() && graph.constant(input) == nullptr;
  }));
}

std::vector<bool> last_before_outputs(const Graph& graph, const std::vector<NodeId>& order) {
  constexpr int64_t small_weights = int64_t{1} << 18;
  std::vector<bool> last(graph.nodes().size(), false), passes(graph.nodes().size(), false);
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const Node& node = graph.node(*at);
    const NarrowForm* form = narrow_form(node);
    // Where paths join, casts would be needed on each of them.
    if (form == nullptr || varying_inputs(graph, node) != 1) continue;
    const bool product = form->role == NarrowForm::Role::product;
    if (product && weight_count(graph, node) > small_weights) continue;
    bool all = true;
    for (const ValueId output : node.outputs) {
      if (!output.valid()) continue;
      const Value& value = graph.value(output);
      all = all && (value.is_output || !value.consumers.empty());
      for (const NodeId user : value.consumers) all = all && passes[user.index];
    }
    last[node.id.index] = all;
    passes[node.id.index] = all && !product;
  }
  return last;
}

/// Sizes are few: a larger constant is a table or a weight, and what is made from it no size.
bool may_be_size(const Graph& graph, const Node& node) {
  constexpr int64_t most = 64;
  return node.captured.empty() && node.op_type != "ConstantOfShape" && weight_count(graph, node) <= most;
}

std::vector<bool> computed_from_shapes(const Graph& graph, const std::vector<NodeId>& order) {
  std::vector<bool> from(graph.nodes().size(), false);
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    if (!may_be_size(graph, node)) continue;
    if (node.domain.empty() && (node.op_type == "Shape" || node.op_type == "Size")) {
      from[id.index] = true;
      continue;
    }
    bool any = false, all = true;
    for (const ValueId input : node.inputs) {
      if (!input.valid() || graph.constant(input) != nullptr) continue;
      const NodeId maker = graph.value(input).producer;
      const bool size = maker.valid() && from[maker.index];
      any = any || size;
      all = all && size;
    }
    from[id.index] = any && all;
  }
  return from;
}

}  // namespace

GraphFacts GraphFacts::of(const Graph& graph, const std::vector<NodeId>& order) {
  return {computed_from_shapes(graph, order), leading_to(graph, order, is_integer_cast, false),
          leading_to(graph, order, is_angle, true), last_before_outputs(graph, order)};
}

bool RuleContext::is(std::initializer_list<std::string_view> op_types) const {
  return node.domain.empty() && std::find(op_types.begin(), op_types.end(), node.op_type) != op_types.end();
}

const Tensor* RuleContext::constant(size_t i) const {
  const Tensor* tensor = i < node.inputs.size() ? graph.constant(node.inputs[i]) : nullptr;
  return tensor != nullptr && tensor->type() == ElementType::f32 ? tensor : nullptr;
}

const Node* RuleContext::producer(size_t i) const {
  if (i >= node.inputs.size() || !node.inputs[i].valid()) return nullptr;
  const NodeId id = graph.value(node.inputs[i]).producer;
  return id.valid() ? &graph.node(id) : nullptr;
}

std::optional<int64_t> RuleContext::reduced_elements() const {
  if (node.inputs.empty() || node.outputs.empty() || !node.inputs[0].valid() || !node.outputs[0].valid())
    return std::nullopt;
  const auto& from = types.type(node.inputs[0]).dims;
  const auto& to = types.type(node.outputs[0]).dims;
  if (!from || !to) return std::nullopt;
  // Sizes that are not reduced stand on both sides: unknown ones cancel.
  std::vector<std::string> open;
  double before = 1, after = 1;  // sizes of a file may be absurd
  for (const Dim& dim : *from) {
    if (dim.known())
      before *= static_cast<double>(std::max<int64_t>(dim.value(), 1));
    else
      open.push_back(dim.text());
  }
  for (const Dim& dim : *to) {
    if (dim.known()) {
      after *= static_cast<double>(std::max<int64_t>(dim.value(), 1));
      continue;
    }
    const auto same = std::find(open.begin(), open.end(), dim.text());
    if (same == open.end()) return std::nullopt;
    open.erase(same);
  }
  if (!open.empty()) return std::nullopt;
  return static_cast<int64_t>(std::min(before / after, 1e15));
}

const PrecisionRuleRegistry& precision_rules() {
  static const PrecisionRuleRegistry registry = [] {
    PrecisionRuleRegistry all;
    register_all_precision_rules(all);
    return all;
  }();
  return registry;
}

}  // namespace lathe
