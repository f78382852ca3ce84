// SPDX-License-Identifier: Apache-2.0
// Accuracy by module in report.html: the converted model beside fp32 at every tensor that leaves a module.
#include <algorithm>
#include <fmt/format.h>

#include "profiler/report/html.h"
#include "profiler/report/module_accuracy_report.h"

namespace lathe {
namespace {

constexpr double full_bar_db = 80;  // of SNR; fp32 itself keeps more

std::string row(const ModuleAccuracy& accuracy, size_t place) {
  const BorderAccuracy& each = accuracy.borders[place];
  std::string mark;
  if (accuracy.first_wrong == place) mark += " <b class=\"bad\">first goes wrong here</b>";
  if (accuracy.steepest == place) mark += " <b>loses most</b>";
  if (each.other_shapes > 0)
    mark +=
        fmt::format(" <span class=\"soft\">another shape in {}</span>", counted(each.other_shapes, "sample"));
  const double width = 100 * std::clamp(each.snr_db / full_bar_db, 0.0, 1.0);
  return fmt::format(
      "<tr><td class=\"wrap\">{}{}</td><td class=\"wrap\">{}</td><td class=\"n\">{}</td><td "
      "class=\"n\">{}</td><td><div class=\"bar thin\"><i class=\"{}\" "
      "style=\"width:{:.1f}%\"></i></div></td><td class=\"n\">{:.6f}</td><td "
      "class=\"n\">{:.4g}</td></tr>\n",
      html_path(each.module), mark, html_text(each.tensor), decibels(each.entering_db), decibels(each.snr_db),
      each.snr_db < wrong_db ? "c4" : "c2", width, each.cosine, each.max_abs);
}

std::string table(const ModuleAccuracy& accuracy, const std::vector<size_t>& places) {
  std::string html =
      "<table><thead><tr><th>module</th><th>tensor that leaves it</th><th class=\"n\">SNR of what "
      "enters</th><th class=\"n\">SNR of what leaves</th><th></th><th class=\"n\">cosine</th><th "
      "class=\"n\">largest error</th></tr></thead><tbody>\n";
  for (const size_t place : places) html += row(accuracy, place);
  return html + "</tbody></table>\n";
}

}  // namespace

std::string html_module_accuracy(const ReportData& data) {
  constexpr size_t shown = 12, most = 4000;  // of a table that a browser opens at once
  const ModuleAccuracy& accuracy = data.module_accuracy;
  if (accuracy.borders.empty()) return "";
  std::string html;
  for (const std::string& line : verdict(accuracy)) html += "<p>" + html_text(line) + "</p>\n";
  html += fmt::format(
      "<p class=\"soft\">The model in fp32 and the converted one ran side by side on {} of {}.</p>\n",
      counted(accuracy.samples, "sample"), html_text(accuracy.data));
  html += table(accuracy, borders_to_show(accuracy, shown));
  std::vector<size_t> all(std::min(most, accuracy.borders.size()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  html += "<details><summary>Every border, in order of execution</summary>\n" + table(accuracy, all);
  if (all.size() < accuracy.borders.size())
    html += fmt::format("<p class=\"soft\">and {} more, in report.json</p>\n",
                        accuracy.borders.size() - all.size());
  return html + "</details>\n";
}

}  // namespace lathe
