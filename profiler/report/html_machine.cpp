// SPDX-License-Identifier: Apache-2.0
// Notes, machine, versions and configuration of report.html.
#include <fmt/format.h>

#include "profiler/report/html.h"

namespace lathe {

std::string html_notes(const ReportData& data) {
  std::string html;
  for (const Finding& note : data.conversion->notes) html += "<li>" + html_text(note.message) + "</li>\n";
  return html.empty() ? html : "<ul>\n" + html + "</ul>\n";
}

std::string html_machine(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const Model& model = *conversion.model;
  std::string html = "<table><tbody>\n";
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty())
      html += fmt::format("<tr><th>{}</th><td class=\"wrap\">{}</td></tr>\n", name, html_text(value));
  };
  std::string opsets;
  for (const auto& [domain, version] : model.opsets)
    opsets +=
        fmt::format("{}{} {}", opsets.empty() ? "" : ", ", domain.empty() ? "ai.onnx" : domain, version);
  row("Lathe", data.lathe_version);
  row("processor", data.cpu);
  row("instruction set", data.instruction_set);
  row("threads", std::to_string(data.threads));
  row("device", "cpu");
  row("model", model.path);
  row("opsets", opsets);
  row("written by",
      model.producer_name + (model.producer_version.empty() ? "" : " " + model.producer_version));
  row("nodes", std::to_string(model.graph.node_count()));
  row("compiling took", html_duration(data.compile_ms * 1e6));
  row("timed runs",
      fmt::format("{} before, {} after, recording off", data.before.latency.count, data.after.latency.count));
  row("recorded runs", fmt::format("{} on each side", data.active_runs));
  row("measured on", data.data.empty() ? "random inputs" : "the first sample of " + data.data);
  return html + "</tbody></table>\n";
}

std::string html_configuration(const ReportData& data) {
  const std::string text = to_json(data.conversion->configuration);
  return "<p class=\"soft\">As config.json has it; --config takes it again. What is not named has its "
         "default: every "
         "module is tried, in the precision of the file.</p>\n<pre>" +
         html_text(text) + "</pre>\n";
}

}  // namespace lathe
