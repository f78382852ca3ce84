// SPDX-License-Identifier: Apache-2.0
// Comparisons, choices and roundings: an error of any size may change the result altogether.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}))
    return "compares: values beside the threshold would change sides";
  if (context.is({"ArgMax", "ArgMin", "TopK", "NonMaxSuppression", "Hardmax", "Unique", "NonZero", "OneHot"}))
    return "chooses by value: narrow values tie";
  if (context.is({"Floor", "Ceil", "Round", "Sign", "Mod"}))
    return "rounds: values beside a step would fall to the other side";
  return std::nullopt;
}

}  // namespace

void register_decisions(PrecisionRuleRegistry& registry) {
  registry.add({"decisions", keeps_wide});
}

}  // namespace lathe
