// SPDX-License-Identifier: Apache-2.0
// What makes the model's outputs: the last rounding is seen in full, and in fp32 it costs little.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (!context.facts.to_outputs[context.node.id.index]) return std::nullopt;
  return "makes an output of the model, whose rounding nothing after it evens out";
}

}  // namespace

void register_outputs(PrecisionRuleRegistry& registry) {
  registry.add({"outputs", keeps_wide});
}

}  // namespace lathe
