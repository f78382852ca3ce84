// SPDX-License-Identifier: Apache-2.0
// The precision map of report.html: how much is narrow, why the rest is not, module by module, node by node.
#include <fmt/format.h>
#include <map>

#include "profiler/report/html.h"
#include "profiler/report/precision_summary.h"

namespace lathe {
namespace {

const char* colour_of(const std::string& precision) {
  if (precision == "int8") return "c2";
  if (precision == "bf16") return "c0";
  if (precision == "fp16") return "c4";
  return precision == "fp32" ? "c1" : "rest";
}

using Counts = std::map<std::string, size_t>;

std::string bar(const Counts& counts) {
  size_t sum = 0;
  for (const auto& [precision, count] : counts) sum += count;
  std::string html = "<div class=\"bar thin\">";
  for (const auto& [precision, count] : counts)
    html += fmt::format("<i class=\"{}\" style=\"width:{:.2f}%\" title=\"{} {}\"></i>", colour_of(precision),
                        100.0 * static_cast<double>(count) / static_cast<double>(sum), count,
                        html_text(precision));
  return html + "</div>";
}

std::string legend(const Counts& counts) {
  std::string html = "<p>";
  for (const auto& [precision, count] : counts)
    html += fmt::format("<span class=\"key {}\"></span>{} in {}&emsp;", colour_of(precision),
                        html_text(precision), counted(count, "node"));
  return html + "</p>\n";
}

std::string kept_table(const PrecisionSummary& summary) {
  if (summary.kept.empty()) return "";
  std::string html =
      "<table><thead><tr><th>reason to stay in fp32</th><th class=\"n\">nodes</th><th>the "
      "first</th></tr></thead><tbody>\n";
  for (const PrecisionSummary::Kept& group : summary.kept)
    html += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td class=\"wrap\">{}</td></tr>\n",
                        html_text(group.reason), group.nodes, html_text(group.example));
  return html + "</tbody></table>\n";
}

/// Nodes that modules own themselves, in the order of the tree.
std::string module_map(const Conversion& conversion) {
  std::map<ModuleId, Counts> modules;
  for (const NodePrecision& node : conversion.precision.nodes)
    if (!node.inserted) ++modules[node.module][precision_name(node.precision)];
  std::string html =
      "<h3>By module</h3>\n<table><thead><tr><th>module</th><th>nodes it "
      "owns</th><th>share</th></tr></thead><tbody>\n";
  for (const auto& [module, counts] : modules) {
    std::string text;
    for (const auto& [precision, count] : counts)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, html_text(precision));
    html += fmt::format("<tr><td class=\"wrap\">{}</td><td>{}</td><td>{}</td></tr>\n",
                        html_path(conversion.model->modules[module].path), text, bar(counts));
  }
  return html + "</tbody></table>\n";
}

std::string node_table(const Conversion& conversion) {
  constexpr size_t most = 4000;  // of a table that a browser opens at once
  const std::vector<NodePrecision>& nodes = conversion.precision.nodes;
  std::string html =
      "<details><summary>Every "
      "node</summary>\n<table><thead><tr><th>node</th><th>operator</th><th>precision</th>"
      "<th>why</th></tr></thead><tbody>\n";
  for (size_t i = 0; i < std::min(most, nodes.size()); ++i)
    html += fmt::format("<tr><td class=\"wrap\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        html_text(nodes[i].node), html_text(nodes[i].op_type),
                        html_text(precision_name(nodes[i].precision)), html_text(nodes[i].reason));
  html += "</tbody></table>\n";
  if (nodes.size() > most)
    html += fmt::format("<p class=\"soft\">and {} more, in report.json</p>\n", nodes.size() - most);
  return html + "</details>\n";
}

}  // namespace

std::string html_precision(const ReportData& data) {
  const PrecisionSummary summary = precision_summary(*data.conversion);
  if (summary.nodes == 0) return "";
  const std::string line = summary.text();
  return "<p>" + (line.empty() ? "All nodes stay in fp32." : html_text(line) + ".") + "</p>\n" +
         legend(summary.counts) + kept_table(summary) + module_map(*data.conversion) +
         node_table(*data.conversion);
}

}  // namespace lathe
