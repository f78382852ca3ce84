// SPDX-License-Identifier: Apache-2.0
// Sizes and indices: a narrow type cannot tell 257 from 258.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"Range"})) return "counts: steps would be rounded to the same number";
  if (context.facts.from_shapes[context.node.id.index])
    return "computes with sizes of tensors, which a narrow type would round";
  if (context.facts.to_indices[context.node.id.index] && !context.is({"Cast"}))
    return "its result becomes an integer, which a narrow type would round first";
  return std::nullopt;
}

}  // namespace

void register_shape_arithmetic(PrecisionRuleRegistry& registry) {
  registry.add({"shape_arithmetic", keeps_wide});
}

}  // namespace lathe
