// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/precision_summary_json.h"

namespace lathe {
namespace {

using nlohmann::ordered_json;

ordered_json optional(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json ranking_json(const Conversion& conversion) {
  ordered_json ranking = ordered_json::array();
  for (const ModuleSensitivity& each : conversion.precision.ranking)
    ranking.push_back({{"module", conversion.model->modules[each.module].path},
                       {"snr_db", each.snr_db},
                       {"score", optional(each.score)},
                       {"flops", each.flops},
                       {"kept_wide", each.kept_wide}});
  return ranking;
}

/// What the search went by, and how the result does on samples that it has not seen.
ordered_json judged_json(const PrecisionReport& report) {
  return {{"data", report.score_data},
          {"samples", report.score_samples},
          {"unseen_samples", report.unseen_samples},
          {"unseen_score_fp32", optional(report.unseen_wide_score)},
          {"unseen_score_int8", optional(report.unseen_score)}};
}

}  // namespace

ordered_json quantization_json(const Conversion& conversion) {
  const PrecisionReport& report = conversion.precision;
  if (report.calibrator.empty()) return nullptr;
  ordered_json calibrators = ordered_json::array(), improvements = ordered_json::array();
  for (const CalibratorTrial& trial : report.calibrators)
    calibrators.push_back(
        {{"calibrator", trial.calibrator}, {"snr_db", trial.snr_db}, {"score", optional(trial.score)}});
  for (const Int8Improvement& each : report.improvements)
    improvements.push_back({{"name", each.name},
                            {"places", each.places},
                            {"snr_before_db", each.before_db},
                            {"snr_after_db", each.after_db},
                            {"kept", each.kept}});
  return {{"calibrator", report.calibrator},
          {"calibrators", calibrators},
          {"improvements", improvements},
          {"score_fp32", optional(report.wide_score)},
          {"score_int8", optional(report.score)},
          {"judged", judged_json(report)},
          {"product_flops", report.product_flops},
          {"int8_flops", report.int8_flops},
          {"ranking_samples", report.ranking_samples},
          {"ranking", ranking_json(conversion)}};
}

}  // namespace lathe
