// SPDX-License-Identifier: Apache-2.0
// The verdict, the cards and the accuracy of report.html.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "profiler/report/html.h"
#include "profiler/report/precision_summary.h"

namespace lathe {
namespace {

/// Modules that failed for another reason than that the configuration keeps them eager.
size_t failed_modules(const Conversion& conversion) {
  return static_cast<size_t>(
      std::count_if(conversion.outcomes.begin(), conversion.outcomes.end(), [](const ModuleOutcome& outcome) {
        return outcome.status == ModuleStatus::failed &&
               !(outcome.failure && outcome.failure->cause == FailureCause::excluded);
      }));
}

std::string card(const char* tone, const char* label, const std::string& value, const std::string& below) {
  return fmt::format("<div class=\"card {}\"><span>{}</span><b>{}</b><span>{}</span></div>\n", tone, label,
                     value, below);
}

double speed_up(const ReportData& data) {
  return data.after.latency.p50 > 0 ? data.before.latency.p50 / data.after.latency.p50 : 0;
}

std::string metric_value(const std::string& name, double value) {
  if (!std::isfinite(value)) return "\u2013";
  return name == "snr_db" ? fmt::format("{:.1f} dB", value) : fmt::format("{:.4f}", value);
}

std::string metric_name(const std::string& name) {
  if (name == "top1") return "top-1";
  if (name == "top5") return "top-5";
  return name == "snr_db" ? "SNR" : html_text(name);
}

/// The metric that judges: "AP" before "AP50".
std::string main_metric(const std::map<std::string, double>& values) {
  for (const char* name : {"AP", "top1", "snr_db"})
    if (values.contains(name)) return name;
  return values.empty() ? std::string() : values.begin()->first;
}

std::string accuracy_card(const ReportData& data) {
  const std::string metric = main_metric(data.after.accuracy);
  if (metric.empty()) return card("", "Accuracy", "\u2013", "no data set given");
  const double is = data.after.accuracy.at(metric);
  const auto was = data.before.accuracy.find(metric);
  if (was == data.before.accuracy.end())
    return card("", "Accuracy", metric_value(metric, is), metric_name(metric));
  const double change = is - was->second;
  const std::string changed = std::abs(change) < 0.00005
                                  ? "unchanged"
                                  : (change > 0 ? "+" : "\u2212") + metric_value(metric, std::abs(change));
  // The signal-to-noise ratio compares with the model as it is: the change of it means nothing.
  if (metric == "snr_db") return card("good", "Accuracy", metric_value(metric, is), "SNR to the eager run");
  const double budget = data.conversion->configuration.accuracy_budget.value_or(
      data.conversion->precision.calibrator.empty() ? 0.002 : 0.01);
  return card(change < -budget ? "bad" : "good", "Accuracy",
              metric_value(metric, was->second) + " \u2192 " + metric_value(metric, is),
              metric_name(metric) + ", " + changed);
}

std::string latency_card(const ReportData& data) {
  const double factor = speed_up(data);
  std::string before = html_duration(data.before.latency.p50);
  const std::string after = html_duration(data.after.latency.p50);
  // "9.43 -> 2.22 ms" where both have the same unit.
  if (const size_t unit = before.find(' '); unit != std::string::npos && after.ends_with(before.substr(unit)))
    before.resize(unit);
  const bool engines = !data.conversion->partition.pieces.empty();
  return card(!engines        ? ""
              : factor > 1.02 ? "good"
              : factor < 0.98 ? "bad"
                              : "",
              "Latency, median", before + " \u2192 " + after,
              !engines      ? "no engine: both sides ran eagerly"
              : factor >= 1 ? fmt::format("{:.2f} times as fast", factor)
                            : fmt::format("slower: {:.0f} % of the speed", 100 * factor));
}

}  // namespace

std::string html_verdict(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const auto total = static_cast<size_t>(conversion.total);
  if (conversion.partition.pieces.empty())
    return fmt::format("No engine: none of {} converted, everything runs operator by operator.",
                       counted(total, "module"));
  const size_t failed = failed_modules(conversion);
  std::string text = fmt::format("{} of {} run in {}", conversion.converted, counted(total, "module"),
                                 counted(conversion.partition.pieces.size(), "engine"));
  if (conversion.converted == conversion.total)
    text = fmt::format("All {} run in {}", counted(total, "module"),
                       counted(conversion.partition.pieces.size(), "engine"));
  if (const double factor = speed_up(data); factor > 0)
    text +=
        fmt::format(": {} instead of {} a run, {:.2f} times as fast as operator by operator",
                    html_duration(data.after.latency.p50), html_duration(data.before.latency.p50), factor);
  text += ".";
  if (failed > 0) text += fmt::format(" {} did not convert.", counted(failed, "module"));
  return text;
}

std::string html_cards(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const size_t failed = failed_modules(conversion);
  const int eager = std::max(0, conversion.total - conversion.converted - static_cast<int>(failed));
  std::string rest = failed > 0 ? fmt::format("{} failed", failed) : "";
  if (eager > 0) rest += fmt::format("{}{} kept eager", rest.empty() ? "" : ", ", eager);
  std::string html = "<div class=\"cards\">\n";
  html += card(rest.empty() ? "good"
               : failed > 0 ? "bad"
                            : "",
               "Modules converted", fmt::format("{} of {}", conversion.converted, conversion.total),
               rest.empty() ? "all of it" : rest);
  const size_t engines = conversion.partition.pieces.size();
  html += card(engines == 1 ? "good" : "", "Engines", std::to_string(engines),
               static_cast<size_t>(conversion.engines) == engines
                   ? "one is best"
                   : fmt::format("merged from {} modules", conversion.engines));
  html += latency_card(data);
  html += accuracy_card(data);
  if (const std::string line = precision_summary(conversion).text(); !line.empty()) {
    const size_t comma = line.find(", ");
    html += card("good", "Precision", html_text(line.substr(0, line.find(" in "))),
                 html_text(line.substr(line.find(" in ") == std::string::npos ? 0 : line.find(" in ") + 1,
                                       comma == std::string::npos ? comma : comma - line.find(" in ") - 1)));
  }
  return html + "</div>\n";
}

std::string html_accuracy(const ReportData& data) {
  std::string html;
  if (!data.after.accuracy.empty()) {
    html += fmt::format("<p>Judged on {} of <code>{}</code>.</p>\n", counted(data.samples, "sample"),
                        html_text(data.data));
    html +=
        "<table><thead><tr><th>metric</th><th class=\"n\">before</th><th "
        "class=\"n\">after</th></tr></thead><tbody>\n";
    for (const auto& [name, value] : data.after.accuracy) {
      const auto was = data.before.accuracy.find(name);
      html += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                          metric_name(name),
                          was == data.before.accuracy.end() ? "\u2013" : metric_value(name, was->second),
                          metric_value(name, value));
    }
    html += "</tbody></table>\n";
  }
  const PrecisionReport& precision = data.conversion->precision;
  if (precision.ranking.empty()) return html;
  html +=
      "<h3>By module</h3>\n<p>What becomes of the outputs when one module's own products alone are in 8 "
      "bit; the worst first. The search kept wide what the accuracy budget could not bear.</p>\n"
      "<table><thead><tr><th>module</th><th class=\"n\">SNR of the worst output</th><th>8 "
      "bit</th></tr></thead><tbody>\n";
  for (const ModuleSensitivity& each : precision.ranking)
    html += fmt::format(
        "<tr><td class=\"wrap\">{}</td><td class=\"n\">{:.1f} dB</td><td class=\"{}\">{}</td></tr>\n",
        html_path(data.conversion->model->modules[each.module].path), each.snr_db,
        each.kept_wide ? "keep" : "good", each.kept_wide ? "kept wide" : "yes");
  return html + "</tbody></table>\n";
}

}  // namespace lathe
