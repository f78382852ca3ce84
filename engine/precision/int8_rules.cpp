// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/int8_rules.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lathe {
namespace {

using Reason = std::optional<std::string>;

bool is(const Int8RuleContext& context, std::string_view op_type) {
  return context.node.op_type == op_type;
}

bool is_op(const Node& node, std::initializer_list<std::string_view> op_types) {
  return node.domain.empty() && std::find(op_types.begin(), op_types.end(), node.op_type) != op_types.end();
}

/// Whether a Softmax reads `value`, or what scaling and masking make of it.
bool leads_to_softmax(const Graph& graph, ValueId value, int steps = 4) {
  for (const NodeId id : graph.value(value).consumers) {
    const Node& reader = graph.node(id);
    if (is_op(reader, {"Softmax"})) return true;
    if (steps > 0 && is_op(reader, {"Mul", "Div", "Add", "Where", "Reshape"}) &&
        leads_to_softmax(graph, reader.outputs[0], steps - 1))
      return true;
  }
  return false;
}

/// In 8 bit these products would take a third of the time, 4 to 7 % of a transformer's run; but a row that
/// attends evenly to 200 tokens has probabilities of 1/200, which is level 1 of 255: all digits are gone.
/// And the one fp32 step that attention is in the engine never writes its scores to memory.
Reason attention(const Int8RuleContext& context) {
  if (context.weights != nullptr || !is(context, "MatMul")) return std::nullopt;
  const NodeId maker = context.graph.value(context.node.inputs[0]).producer;
  if (maker.valid() && is_op(context.graph.node(maker), {"Softmax"}))
    return "multiplies probabilities of attention: where a row attends to many tokens, each would be one or "
           "two "
           "8-bit levels";
  if (leads_to_softmax(context.graph, context.node.outputs[0]))
    return "makes the scores of attention, which one fp32 step takes to probabilities without writing them "
           "to "
           "memory";
  return std::nullopt;
}

Reason two_activations(const Int8RuleContext& context) {
  if (context.weights != nullptr) return std::nullopt;
  return "multiplies two activations: quantised kernels want constant weights";
}

Reason constant_data(const Int8RuleContext& context) {
  if (context.graph.constant(context.node.inputs[0]) == nullptr) return std::nullopt;
  return "its data is constant: it is computed once, when the model is compiled";
}

Reason weight_form(const Int8RuleContext& context) {
  const Tensor& weights = *context.weights;
  if (weights.type() != ElementType::f32 || weights.count() == 0) return "its weights are not fp32 numbers";
  const auto numbers = weights.data<float>();
  if (!std::all_of(numbers.begin(), numbers.end(), [](float w) { return std::isfinite(w); }))
    return "its weights hold NaN or infinity";
  const TypeInfo& data = context.types.type(context.node.inputs[0]);
  if (is(context, "Conv")) return weights.rank() >= 3 ? Reason() : "its weights have no image axes";
  if (weights.rank() != 2) return "its weights are a batch of matrices: quantised kernels want one";
  if (!data.dims || data.dims->size() < 2) return "its data is a vector";
  return std::nullopt;
}

Reason plain_gemm(const Int8RuleContext& context) {
  if (!is(context, "Gemm")) return std::nullopt;
  const Attributes& attributes = context.node.attributes;
  const bool plain = attributes.get_int("transA", 0) == 0 && attributes.get_float("alpha", 1.0F) == 1.0F &&
                     (context.node.inputs.size() < 3 || attributes.get_float("beta", 1.0F) == 1.0F);
  return plain ? Reason()
               : "scales or transposes its data: quantised kernels want transA 0, alpha 1 and beta 1";
}

constexpr std::array rules = {Int8Rule{"attention", attention}, Int8Rule{"two_activations", two_activations},
                              Int8Rule{"constant_data", constant_data}, Int8Rule{"weight_form", weight_form},
                              Int8Rule{"plain_gemm", plain_gemm}};

}  // namespace

std::span<const Int8Rule> int8_rules() {
  return rules;
}

}  // namespace lathe
