// SPDX-License-Identifier: Apache-2.0
// Sums over many elements: the sum outgrows what is added to it.
#include "engine/precision/rules.h"

namespace lathe {
namespace {

constexpr int64_t longest_mean = 1024, longest_sum = 64;

std::optional<std::string> keeps_wide(const RuleContext& context) {
  if (context.is({"CumSum", "CumProd", "ReduceProd", "ReduceL1", "MeanVarianceNormalization"}))
    return "accumulates many elements";
  const bool mean = context.is({"ReduceMean", "GlobalAveragePool"});
  if (!mean && !context.is({"ReduceSum"})) return std::nullopt;
  const auto count = context.reduced_elements();
  if (!count) return "reduces a number of elements that is not known";
  if (*count <= (mean ? longest_mean : longest_sum)) return std::nullopt;
  return "reduces " + std::to_string(*count) + " elements to one";
}

}  // namespace

void register_long_reductions(PrecisionRuleRegistry& registry) {
  registry.add({"long_reductions", keeps_wide});
}

}  // namespace lathe
