// SPDX-License-Identifier: Apache-2.0
// Powers: squares of 256 already leave the range of fp16, and errors multiply.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"Pow", "ReduceL2", "ReduceSumSquare", "LpNormalization", "LpPool", "GlobalLpPool", "LRN"}))
    return "raises to a power: errors multiply and fp16 overflows";
  return std::nullopt;
}

}  // namespace

void register_powers(PrecisionRuleRegistry& registry) {
  registry.add({"powers", keeps_wide});
}

}  // namespace lathe
