// SPDX-License-Identifier: Apache-2.0
// Small constants that keep a division or a root away from zero: a narrow type loses them.
#include <cmath>

#include "engine/precision/rules.h"

namespace lathe {
namespace {

constexpr float largest_epsilon = 1e-3F;

bool is_epsilon(const Tensor* tensor) {
  if (tensor == nullptr || tensor->count() != 1) return false;
  const float value = std::fabs(tensor->data<float>()[0]);
  return value > 0 && value <= largest_epsilon;
}

bool has_epsilon(const Graph& graph, const Node& node) {
  if (!node.domain.empty()) return false;
  if (node.op_type != "Add" && node.op_type != "Max" && node.op_type != "Clip") return false;
  for (const ValueId input : node.inputs) {
    const Tensor* tensor = graph.constant(input);
    if (tensor != nullptr && tensor->type() == ElementType::f32 && is_epsilon(tensor)) return true;
  }
  return false;
}

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (has_epsilon(context.graph, context.node)) return "adds a small constant that a narrow type would lose";
  const size_t denominator = context.is({"Div"}) ? 1 : 0;
  if (denominator == 0 && !context.is({"Sqrt", "Reciprocal"})) return std::nullopt;
  const Node* node = context.producer(denominator);
  if (node != nullptr && has_epsilon(context.graph, *node))
    return "divides by, or takes the root of, a number kept from zero by a small constant";
  return std::nullopt;
}

}  // namespace

void register_small_epsilons(PrecisionRuleRegistry& registry) {
  registry.add({"small_epsilons", keeps_wide});
}

}  // namespace lathe
