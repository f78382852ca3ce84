// SPDX-License-Identifier: Apache-2.0
// The Workflow Report as printed: conversion rate, engines, accuracy, latency, the module tree and the Data
// table.
#include <algorithm>
#include <fmt/format.h>

#include "profiler/report/advice.h"
#include "profiler/report/module_accuracy_report.h"
#include "profiler/report/precision_summary.h"
#include "profiler/report/report_data.h"

namespace lathe {
namespace {

std::string accuracy_text(const std::map<std::string, double>& accuracy) {
  std::string text;
  for (const auto& [name, value] : accuracy)
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", name, value);
  return text;
}

std::string change_text(const MeasuredSide& before, const MeasuredSide& after) {
  const double ratio = after.latency.p50 > 0 ? before.latency.p50 / after.latency.p50 : 0;
  return fmt::format("{:.2f} ms (eager {:.2f} ms, {:.2f}x)", after.latency.p50 / 1e6,
                     before.latency.p50 / 1e6, ratio);
}

/// One line per module that was tried, indented by depth; what an engine covers is not repeated.
void tree_lines(const Conversion& conversion, ModuleId id, int depth, std::string& text) {
  const Module& module = conversion.model->modules[id];
  const ModuleOutcome* outcome = conversion.find(id);
  if (outcome == nullptr || outcome->status == ModuleStatus::covered) return;
  const std::string name = module.path.empty() ? "model" : module.name;
  text += std::string(2 * static_cast<size_t>(depth), ' ') + name + " [" + to_string(outcome->status) + "]";
  if (outcome->failure) text += std::string(" ") + to_string(outcome->failure->cause);
  text += " (" + module.class_name + ")\n";
  for (const ModuleId child : module.children) tree_lines(conversion, child, depth + 1, text);
}

std::string data_table(const ReportData& data) {
  std::string text = fmt::format("{:<8} {:<28} {:>18} {:>19} {:>11} {}\n", "status", "module_class_name",
                                 "device_time_total", "device_events_total", "num_errors", "error");
  for (const StatisticsRow& row : statistics_rows(data))
    text += fmt::format("{:<8} {:<28} {:>18.3f} {:>19} {:>11} {}\n", row.status, row.class_name,
                        row.times.device_us, row.times.device_events, row.errors, row.error);
  return text;
}

std::string balance_text(const TimeBalance& balance) {
  std::string text;
  const auto line = [&](const std::string& name, double ns) {
    text += fmt::format("  {:<18} {:>10.3f} ms {:>6.1f} %\n", name, ns / 1e6,
                        balance.latency_ns > 0 ? 100 * ns / balance.latency_ns : 0);
  };
  for (const TimeBalance::Part& part : balance.parts) line(part.name, part.ns);
  line("unexplained", balance.unexplained_ns());
  return text;
}

/// Says so where single runs took much longer than the fastest: then the medians are not worth much.
std::string disturbance_text(const char* side, const Distribution& latency) {
  if (latency.count < 5 || latency.min <= 0 || latency.p90 < 2 * latency.min) return "";
  return fmt::format(
      "Note: single runs of the {} model took {:.2f} to {:.2f} ms. Something else was using the machine: "
      "measure again when it is quiet, or with --threads 1.\n",
      side, latency.min / 1e6, latency.max / 1e6);
}

/// The first steps of the ranking.
std::string next_steps_text(const ReportData& data) {
  constexpr size_t most = 5;
  const std::vector<Advice> list = advise(data);
  if (list.empty()) return "";
  std::string text = "\nNext steps\n";
  for (size_t i = 0; i < std::min(most, list.size()); ++i) {
    text += fmt::format("  {}. {}\n", i + 1, list[i].text());
    // Of the others those that are known to bring something.
    for (const AlternativeAdvice& other : list[i].others)
      if (other.converted.value_or(0) > data.conversion->converted)
        text += fmt::format("     or: {}\n", other.text(list[i].total));
  }
  return text;
}

/// What was done to the model before it was converted.
std::string applied_text(const Conversion& conversion) {
  if (conversion.remedies.empty()) return "";
  std::string text = "\nRemedies applied\n";
  for (const AppliedRemedy& applied : conversion.remedies) {
    text += "  " + applied.text;
    if (applied.loss)
      text += *applied.loss == 0
                  ? "; outputs are the same"
                  : fmt::format("; outputs differ by at most {:.1e} of the largest", *applied.loss);
    text += "\n";
  }
  for (const Finding& note : conversion.notes)
    if (note.code == "remedy") text += "  (" + note.message + ")\n";
  return text;
}

/// Each remedy once, in the order of the modules.
std::string remedies_text(const Conversion& conversion) {
  constexpr size_t most = 8;
  std::vector<std::string> lines;
  for (const ModuleOutcome& outcome : conversion.outcomes) {
    if (!outcome.failure || outcome.failure->cause == FailureCause::excluded) continue;
    for (const Remedy& remedy : outcome.failure->remedies)
      if (std::find(lines.begin(), lines.end(), remedy.text) == lines.end()) lines.push_back(remedy.text);
  }
  if (lines.empty()) return "";
  std::string text = "\nWhat to do\n";
  for (size_t i = 0; i < std::min(most, lines.size()); ++i) text += "  " + lines[i] + "\n";
  if (lines.size() > most) text += fmt::format("  and {} more in report.html\n", lines.size() - most);
  return text;
}

/// What stayed in fp32 although a narrower type was asked for, by reason.
std::string kept_text(const PrecisionSummary& precision) {
  constexpr size_t most = 8;
  if (precision.nodes == 0 || precision.kept.empty()) return "";
  std::string text = "\nKept in fp32 (nodes, reason)\n";
  for (size_t i = 0; i < std::min(most, precision.kept.size()); ++i)
    text += fmt::format("  {:>5}  {}\n", precision.kept[i].nodes, precision.kept[i].reason);
  if (precision.kept.size() > most)
    text += fmt::format("  and {} more reasons in report.html\n", precision.kept.size() - most);
  return text;
}

}  // namespace

std::string workflow_report_text(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  std::string text = "Workflow Report\n";
  text += fmt::format("Conversion Rate: {}/{}\n", conversion.converted, conversion.total);
  text += fmt::format("Num Modules: {}\n", conversion.engines);
  const size_t engines = conversion.partition.pieces.size();
  if (engines != static_cast<size_t>(conversion.engines))
    text += fmt::format("Engines: {} after merging\n", engines);
  if (!data.after.accuracy.empty()) {
    text += "Accuracy: " + accuracy_text(data.after.accuracy) + "\n";
    text += "Accuracy before: " + accuracy_text(data.before.accuracy) + "\n";
  }
  const PrecisionSummary precision = precision_summary(conversion);
  if (const std::string line = precision.text(); !line.empty()) text += "Precision: " + line + "\n";
  text += "Latency: " + change_text(data.before, data.after) + "\n";
  text += disturbance_text("eager", data.before.latency) + disturbance_text("converted", data.after.latency);
  text += "\n";
  tree_lines(conversion, ModuleTree::root(), 0, text);
  text += applied_text(conversion);
  text += next_steps_text(data);
  text += remedies_text(conversion);
  text += kept_text(precision);
  text += module_accuracy_text(data.module_accuracy);
  text += "\nTime balance (per run)\n" + balance_text(data.after.balance);
  text += "\nData\n" + data_table(data);
  return text;
}

}  // namespace lathe
