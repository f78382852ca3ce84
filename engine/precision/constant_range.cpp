// SPDX-License-Identifier: Apache-2.0
// Constants that a narrow type cannot hold: too large, or so small that they vanish.
#include <cstdio>

#include "engine/precision/narrow_constant.h"
#include "engine/precision/precision.h"
#include "engine/precision/rules.h"

namespace lathe {
namespace {

bool is_added(const RuleContext& context) {
  return context.is({"Add", "Sub", "Where", "Mul", "Max", "Clip", "Concat", "Expand", "Pad", "ScatterND"});
}

std::string text(float value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", static_cast<double>(value));
  return buffer;
}

std::optional<std::string> keeps_wide(const RuleContext& context) {
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    const Tensor* tensor = context.constant(i);
    if (tensor == nullptr || (context.form != nullptr && !is_narrowed_input(context.node, *context.form, i)))
      continue;
    const ConstantRange range = constant_range(*tensor, context.narrow);
    if (range.beyond && !(range.only_masks && is_added(context)))
      return "has the constant " + text(range.largest) + ", beyond the range of " +
             precision_name(context.narrow);
    if (range.vanishes)
      return "has the constant " + text(range.largest) + ", which is lost in " +
             precision_name(context.narrow);
  }
  return std::nullopt;
}

}  // namespace

void register_constant_range(PrecisionRuleRegistry& registry) {
  registry.add({"constant_range", keeps_wide});
}

}  // namespace lathe
