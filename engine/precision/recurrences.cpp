// SPDX-License-Identifier: Apache-2.0
// Recurrent layers: errors add up from step to step.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"LSTM", "GRU", "RNN", "LinearAttention", "CausalConvWithState"}))
    return "carries a state from step to step, and its errors with it";
  return std::nullopt;
}

}  // namespace

void register_recurrences(PrecisionRuleRegistry& registry) {
  registry.add({"recurrences", keeps_wide});
}

}  // namespace lathe
