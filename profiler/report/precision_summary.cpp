// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/precision_summary.h"

#include <algorithm>
#include <fmt/format.h>

namespace lathe {

PrecisionSummary precision_summary(const Conversion& conversion) {
  PrecisionSummary summary;
  summary.calibrator = conversion.precision.calibrator;
  summary.score = conversion.precision.score;
  summary.wide_score = conversion.precision.wide_score;
  summary.score_samples = conversion.precision.score_samples;
  for (const CalibratorTrial& trial : conversion.precision.calibrators)
    if (trial.calibrator == to_string(Calibrator::minmax)) summary.minmax_score = trial.score;
  if (conversion.precision.product_flops > 0)
    summary.int8_share = conversion.precision.int8_flops / conversion.precision.product_flops;
  std::map<std::string, PrecisionSummary::Kept> kept;
  for (const NodePrecision& node : conversion.precision.nodes) {
    if (node.inserted) {
      ++summary.casts;
      continue;
    }
    ++summary.nodes;
    ++summary.counts[precision_name(node.precision)];
    if (node.precision != ElementType::f32 || node.rule == "model") continue;
    PrecisionSummary::Kept& group = kept[node.reason];
    if (group.nodes++ == 0) group.example = node.node;
    group.reason = node.reason;
  }
  for (auto& [reason, group] : kept) summary.kept.push_back(std::move(group));
  std::stable_sort(summary.kept.begin(), summary.kept.end(),
                   [](const auto& a, const auto& b) { return a.nodes > b.nodes; });
  return summary;
}

std::string PrecisionSummary::text() const {
  std::string made;
  for (const auto& [precision, count] : counts)
    if (precision != precision_name(ElementType::f32))
      made += fmt::format("{}{} in {} of {} nodes", made.empty() ? "" : ", ", precision, count, nodes);
  if (made.empty()) return made;
  if (int8_share) {
    made += fmt::format(", {:.1f} % of convolution and product FLOPs, calibrator {}", 100 * *int8_share,
                        calibrator);
    if (score && wide_score)
      made +=
          fmt::format("; {:.4f} against {:.4f} in fp32 on {} samples", *score, *wide_score, score_samples);
    if (score && minmax_score) made += fmt::format(", plain minmax {:.4f}", *minmax_score);
    return made;
  }
  return made + fmt::format(", {} cast{}", casts, casts == 1 ? "" : "s");
}

}  // namespace lathe
