// SPDX-License-Identifier: Apache-2.0
// Sines and cosines: an error of the argument is an error of the result, however large the argument.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"Sin", "Cos", "Tan"}))
    return "takes an angle: the absolute error of a narrow one grows with it";
  if (context.facts.to_angles[context.node.id.index])
    return "computes an angle, whose absolute error has to stay small";
  return std::nullopt;
}

}  // namespace

void register_angles(PrecisionRuleRegistry& registry) {
  registry.add({"angles", keeps_wide});
}

}  // namespace lathe
