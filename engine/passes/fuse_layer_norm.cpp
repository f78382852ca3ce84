// SPDX-License-Identifier: Apache-2.0
// LayerNorm written out: x - mean(x), divided by sqrt(mean of squares + epsilon), scaled and shifted.
#include "engine/passes/match.h"

namespace lathe {
namespace {

/// Axis of a mean over exactly the last axis with kept dimensions.
bool is_mean_over_last(const PassContext& context, const Node& node) {
  if (!is_op(node, "ReduceMean") || node.attributes.get_int("keepdims", 1) == 0) return false;
  const auto shape = static_shape(context, node.inputs[0]);
  std::vector<int64_t> axes = node.attributes.get_ints("axes");
  if (node.inputs.size() > 1 && node.inputs[1].valid()) {
    const Tensor* given = context.graph.constant(node.inputs[1]);
    if (given == nullptr) return false;
    axes = given->to_int64();
  }
  return shape && axes.size() == 1 && (axes[0] == -1 || axes[0] == static_cast<int64_t>(shape->size()) - 1);
}

/// The nodes of one spelled-out normalisation, found backwards from its division.
struct Match {
  ValueId x;
  float epsilon = 0;
  std::vector<NodeId> nodes;
};

/// variance = mean(d * d) or mean(pow(d, 2)), d = x - mean(x)
bool is_square_of(const Graph& graph, const Node& square, ValueId difference) {
  if (square.inputs.empty() || square.inputs[0] != difference) return false;
  if (is_op(square, "Mul")) return square.inputs[1] == difference;
  if (!is_op(square, "Pow")) return false;
  const Tensor* exponent = graph.constant(square.inputs[1]);
  if (exponent == nullptr || exponent->count() != 1) return false;
  const auto value = exponent->to_double();
  return !value.empty() && value[0] == 2.0;
}

std::optional<Match> match(const PassContext& context, const Node& divide) {
  const Graph& graph = context.graph;
  if (!is_op(divide, "Div")) return std::nullopt;
  const Node* difference = producer(graph, divide.inputs[0], "Sub");
  const Node* root = producer(graph, divide.inputs[1], "Sqrt");
  if (difference == nullptr || root == nullptr) return std::nullopt;
  const Node* shifted = producer(graph, root->inputs[0], "Add");
  if (shifted == nullptr) return std::nullopt;
  const auto epsilon = scalar_and_value(graph, *shifted);
  if (!epsilon) return std::nullopt;
  const Node* variance = producer(graph, epsilon->value);
  if (variance == nullptr || !is_mean_over_last(context, *variance)) return std::nullopt;
  const Node* square = producer(graph, variance->inputs[0]);
  // Some exporters subtract the mean twice: once for the numerator, once for the variance.
  const auto centred = [&](const Node* sub) -> const Node* {
    if (sub == nullptr) return nullptr;
    const Node* mean = producer(graph, sub->inputs[1]);
    return mean != nullptr && is_mean_over_last(context, *mean) && mean->inputs[0] == sub->inputs[0]
               ? mean
               : nullptr;
  };
  const Node* mean = centred(difference);
  if (square == nullptr || mean == nullptr) return std::nullopt;
  Match found{difference->inputs[0],
              epsilon->scalar,
              {mean->id, difference->id, square->id, variance->id, shifted->id, root->id, divide.id}};
  if (is_square_of(graph, *square, divide.inputs[0])) return found;
  const Node* second = square->inputs.empty() ? nullptr : producer(graph, square->inputs[0], "Sub");
  const Node* second_mean = centred(second);
  if (second_mean == nullptr || second->inputs[0] != found.x ||
      !is_square_of(graph, *square, second->outputs[0]))
    return std::nullopt;
  found.nodes.push_back(second->id);
  if (second_mean->id != mean->id) found.nodes.push_back(second_mean->id);
  return found;
}

/// Constant vector along the last axis that `node` (Mul or Add) applies to `value`.
ValueId last_axis_vector(const PassContext& context, const Node* node, const char* op, ValueId value,
                         int64_t size) {
  if (node == nullptr || !is_op(*node, op)) return {};
  const ValueId other = other_input(*node, value);
  const Tensor* constant = context.graph.constant(other);
  const bool fits = constant != nullptr && same_element(context, other, value) && constant->rank() == 1 &&
                    constant->dim(0) == size;
  return fits ? other : ValueId();
}

Result<size_t> fuse(PassContext& context) {
  size_t changes = 0;
  for (size_t i = 0; i < context.graph.nodes().size(); ++i) {
    const Node& divide = context.graph.nodes()[i];
    if (!divide.alive || divide.outputs.empty() || !is_f32_or_bf16(context, divide.outputs[0])) continue;
    auto found = match(context, divide);
    const auto shape = found ? static_shape(context, found->x) : std::nullopt;
    if (!found || !shape) continue;
    ValueId result = divide.outputs[0];
    const ValueId scale =
        last_axis_vector(context, sole_consumer(context.graph, result), "Mul", result, shape->back());
    ValueId bias;
    if (scale.valid()) {
      const Node& mul = *sole_consumer(context.graph, result);
      found->nodes.push_back(mul.id);
      result = mul.outputs[0];
      bias = last_axis_vector(context, sole_consumer(context.graph, result), "Add", result, shape->back());
      if (bias.valid()) {
        const Node& add = *sole_consumer(context.graph, result);
        found->nodes.push_back(add.id);
        result = add.outputs[0];
      }
    }
    Node fused = context.fused_node("LayerNorm", found->nodes);
    fused.inputs = {found->x, scale, bias};
    fused.attributes.set("axis", int64_t{-1});
    fused.attributes.set("epsilon", found->epsilon);
    fused.outputs = {
        context.editor.add_value(context.graph.value(result).name + "_norm", context.types.type(result))};
    const bool was_output = context.graph.value(result).is_output;
    if (was_output) {  // keep the output's own value: it bears the name
      const NodeId last = context.graph.value(result).producer;
      fused.outputs = {result};
      context.editor.remove_node(last);
      context.editor.add_node(std::move(fused));
    } else {
      const ValueId made = fused.outputs[0];
      context.editor.add_node(std::move(fused));
      context.editor.replace_uses(result, made);
    }
    ++changes;
  }
  return changes;
}

}  // namespace

void register_fuse_layer_norm(PassRegistry& registry) {
  registry.add({"fuse_layer_norm", true, fuse});
}

}  // namespace lathe
