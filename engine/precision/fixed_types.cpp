// SPDX-License-Identifier: Apache-2.0
// Operators whose floating-point inputs and outputs have one type by the model's own choice.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}))
    return "is part of a quantisation that the model states itself";
  if (context.is({"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial",
                  "Bernoulli", "EyeLike"}))
    return "makes numbers of the type that the model states";
  return std::nullopt;
}

}  // namespace

void register_fixed_types(PrecisionRuleRegistry& registry) {
  registry.add({"fixed_types", keeps_wide});
}

}  // namespace lathe
