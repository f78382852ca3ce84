// SPDX-License-Identifier: Apache-2.0
// What is left: operators without a form in the type, or not known to be safe in it.
#include "engine/precision/precision.h"
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.form == nullptr) return "is not among the operators known to be safe in a narrow type";
  if (context.form->since(context.narrow) == 0)
    return "has no " + precision_name(context.narrow) + " form in any opset";
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    const ValueId input = context.node.inputs[i];
    if (!input.valid() || !is_narrowed_input(context.node, *context.form, i)) continue;
    const ElementType type = context.types.type(input).element;
    if (type == ElementType::f64) return "computes in double precision";
    if (type == ElementType::undefined) return "has an input whose type is not known";
  }
  return std::nullopt;
}

}  // namespace

void register_no_narrow_form(PrecisionRuleRegistry& registry) {
  registry.add({"no_narrow_form", keeps_wide});
}

}  // namespace lathe
