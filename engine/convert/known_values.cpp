// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/known_values.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/ops/reference.h"

namespace lathe {
namespace {

constexpr size_t max_bytes = size_t{16} << 20;

class Evaluation {
 public:
  Evaluation(const Graph& graph, const InferenceResult& types) : graph_(graph), types_(types) {}

  /// Nodes that have to run for the value, producers first; nullopt when it does not follow from constants.
  std::optional<std::vector<NodeId>> cone(ValueId value) {
    std::vector<NodeId> order;
    std::vector<std::pair<NodeId, bool>> stack;
    std::unordered_set<NodeId> entered;
    const auto enter = [&](ValueId id) {
      if (!id.valid() || is_known(id)) return true;
      const NodeId producer = graph_.value(id).producer;
      if (!producer.valid() || !computable(graph_.node(producer))) return false;
      if (entered.insert(producer).second) stack.emplace_back(producer, false);
      return true;
    };
    if (!enter(value)) return std::nullopt;
    while (!stack.empty()) {
      auto& [node, done] = stack.back();
      if (done) {
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      done = true;
      for (const ValueId input : std::vector(graph_.node(node).inputs))
        if (!enter(input)) return std::nullopt;
    }
    return order;
  }

  std::optional<Tensor> run(ValueId value) {
    const auto nodes = cone(value);
    if (!nodes) return std::nullopt;
    for (const NodeId id : *nodes)
      if (!compute(graph_.node(id))) return std::nullopt;
    RuntimeValue made = look_up(value);
    if (!made.is_tensor()) return std::nullopt;
    return std::move(made.tensor);
  }

 private:
  bool is_known(ValueId id) const {
    return graph_.constant(id) != nullptr || types_.known_tensor(id).has_value();
  }

  static bool computable(const Node& node) {
    const Operator* op = operators().find(node);
    constexpr uint32_t never = trait_random | trait_control_flow | trait_internal;
    return op != nullptr && op->run != nullptr && (op->traits & never) == 0 && node.captured.empty();
  }

  RuntimeValue look_up(ValueId id) const {
    if (const auto found = computed_.find(id); found != computed_.end()) return found->second;
    if (const Tensor* constant = graph_.constant(id)) return *constant;
    auto known = types_.known_tensor(id);
    return known ? RuntimeValue(std::move(*known)) : RuntimeValue();
  }

  bool compute(const Node& node) {
    std::vector<RuntimeValue> values(node.inputs.size());
    std::vector<const RuntimeValue*> inputs(node.inputs.size(), nullptr);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!node.inputs[i].valid()) continue;
      values[i] = look_up(node.inputs[i]);
      inputs[i] = &values[i];
    }
    for (const ValueId output : node.outputs) {
      if (!output.valid() || !types_.type(output).is_static()) continue;
      const auto count = checked_element_count(to_shape(*types_.type(output).dims));
      if (!count || static_cast<size_t>(*count) > max_bytes / 8) return false;
    }
    auto made = run_reference(*operators().find(node), node, inputs);
    if (!made.ok()) return false;  // whoever runs the model says why
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i].valid()) computed_[node.outputs[i]] = std::move((*made)[i]);
    return true;
  }

  const Graph& graph_;
  const InferenceResult& types_;
  std::unordered_map<ValueId, RuntimeValue> computed_;
};

}  // namespace

bool follows_from_constants(const Graph& graph, const InferenceResult& types, ValueId value) {
  return Evaluation(graph, types).cone(value).has_value();
}

std::optional<Tensor> known_value(const Graph& graph, const InferenceResult& types, ValueId value) {
  return Evaluation(graph, types).run(value);
}

}  // namespace lathe
