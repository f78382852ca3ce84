// SPDX-License-Identifier: Apache-2.0
// Exponentials and logarithms: small errors grow, results leave the range of fp16.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"Exp", "Sinh", "Cosh"}))
    return "is an exponential: it multiplies errors and leaves the range of fp16 at 11";
  if (context.is({"Log", "LogSoftmax", "ReduceLogSum", "ReduceLogSumExp"}))
    return "is a logarithm: it turns relative errors near zero into large ones";
  return std::nullopt;
}

}  // namespace

void register_exponentials(PrecisionRuleRegistry& registry) {
  registry.add({"exponentials", keeps_wide});
}

}  // namespace lathe
