// SPDX-License-Identifier: Apache-2.0
// Coordinates: a pixel of a large image is smaller than a narrow type's step.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"GridSample", "AffineGrid", "RoiAlign", "MaxRoiPool", "DeformConv"}))
    return "takes coordinates, which a narrow type would shift";
  return std::nullopt;
}

}  // namespace

void register_sampling(PrecisionRuleRegistry& registry) {
  registry.add({"sampling", keeps_wide});
}

}  // namespace lathe
