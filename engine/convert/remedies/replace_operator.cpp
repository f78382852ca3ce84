// SPDX-License-Identifier: Apache-2.0
// replace_operator: operators that this build does not have, written with those of ai.onnx by their usual
// definition.
#include "engine/convert/remedies/composer.h"
#include "engine/convert/remedies/remedy.h"

namespace lathe {
namespace {

/// x * sigmoid(x)
ValueId swish(Composer& c) {
  return c.add("Mul", {c.input(), c.add("Sigmoid", {c.input()})});
}
/// x * sigmoid(alpha * x)
ValueId quick_gelu(Composer& c) {
  const ValueId scaled = c.add("Mul", {c.input(), c.number(c.node().attributes.get_float("alpha", 1.702F))});
  return c.add("Mul", {c.input(), c.add("Sigmoid", {scaled})});
}
/// x * tanh(log(1 + exp(x)))
ValueId mish(Composer& c) {
  return c.add("Mul", {c.input(), c.add("Tanh", {c.add("Softplus", {c.input()})})});
}
/// x / 2 * (1 + erf(x / sqrt(2)))
ValueId gelu(Composer& c) {
  const ValueId erf = c.add("Erf", {c.add("Mul", {c.input(), c.number(0.70710678F)})});
  const ValueId half = c.add("Mul", {c.input(), c.number(0.5F)});
  return c.add("Mul", {half, c.add("Add", {erf, c.number(1.0F)})});
}
/// x * min(max(x + 3, 0), 6) / 6
ValueId hard_swish(Composer& c) {
  const ValueId moved = c.add("Add", {c.input(), c.number(3.0F)});
  const ValueId clipped = c.add("Min", {c.add("Relu", {moved}), c.number(6.0F)});
  return c.add("Mul", {c.input(), c.add("Mul", {clipped, c.number(1.0F / 6.0F)})});
}

struct Composition {
  std::string_view name;  ///< of the operator, whatever its domain
  ValueId (*write)(Composer&);
};
constexpr Composition compositions[] = {
    {"Swish", swish}, {"SiLU", swish},           {"Silu", swish}, {"QuickGelu", quick_gelu},
    {"Mish", mish},   {"HardSwish", hard_swish}, {"Gelu", gelu},  {"GELU", gelu},
};

const Composition* composition_of(const std::string& qualified_type) {
  const std::string name = qualified_type.substr(qualified_type.rfind('.') + 1);
  for (const Composition& each : compositions)
    if (each.name == name) return &each;
  return nullptr;
}

std::vector<std::string> operator_subjects(const RemedyContext& context) {
  std::vector<std::string> types;
  for (const Node& node : context.model.graph.nodes())
    if (node.alive) types.push_back(node.qualified_type());
  return types;
}

Result<std::string> replace(RemedyContext& context) {
  const std::string& kind = context.step.subject;
  const Composition* composition = composition_of(kind);
  if (composition == nullptr) return usage_error("", "no composition of ai.onnx operators is known for it");
  GraphEditor editor(context.model.graph);
  size_t replaced = 0;
  const size_t count = context.model.graph.nodes().size();
  for (size_t i = 0; i < count; ++i) {
    const Node node = context.model.graph.nodes()[i];
    if (!node.alive || node.qualified_type() != kind) continue;
    const bool float_in =
        node.inputs.size() == 1 && context.types.type(node.inputs[0]).element == ElementType::f32;
    if (!float_in || node.outputs.size() != 1)
      return usage_error("", "'" + node.name + "' is not of one f32 tensor to another");
    Composer composer(editor, node, context.model.opsets[""]);
    replace_node(editor, node.id, {composition->write(composer)});
    ++replaced;
  }
  if (replaced == 0) return usage_error("", "there is no such operator in the model");
  return "replaced " + std::to_string(replaced) + " " + kind +
         " by its usual definition in ai.onnx operators";
}

}  // namespace

bool has_decomposition(const std::string& qualified_type) {
  return composition_of(qualified_type) != nullptr;
}

void register_replace_operator(RemedyRegistry& registry) {
  registry.add({Remedy::Kind::replace_operator, true, true, operator_subjects, replace});
}

}  // namespace lathe
