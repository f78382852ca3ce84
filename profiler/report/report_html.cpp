// SPDX-License-Identifier: Apache-2.0
// report.html: one page without scripts or external references, readable on paper, light and dark.
#include <fmt/format.h>

#include "profiler/report/html.h"

namespace lathe {
namespace {

struct Section {
  const char* id;
  const char* title;
  std::string body;
};

std::vector<Section> sections(const ReportData& data) {
  return {
      {"remedies", "What was done to the model", html_remedies(data)},
      {"failures", "What did not convert, and what to do", html_failures(data)},
      {"next-steps", "Next steps", html_next_steps(data)},
      {"balance", "Where the time of one run goes", html_balance(data)},
      {"latency", "How the latency spreads", html_latency(data)},
      {"accuracy", "Accuracy", html_accuracy(data)},
      {"precision", "Precision", html_precision(data)},
      {"module-accuracy", "Accuracy by module", html_module_accuracy(data)},
      {"graph", "Graph of modules", html_module_graph(data)},
      {"operators", "Operators", html_operators(data)},
      {"modules", "Modules", html_module_times(data) + html_modules(data)},
      {"notes", "Notes", html_notes(data)},
      {"machine", "Machine and versions", html_machine(data)},
      {"configuration", "Configuration", html_configuration(data)},
  };
}

}  // namespace

std::string report_html(const ReportData& data) {
  const std::string& path = data.conversion->model->path;
  const std::string name = html_text(path.substr(path.find_last_of('/') + 1));
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>" +
      name + " \u2013 conversion report</title>\n<style>" + html_style +
      "</style>\n</head>\n<body>\n<header>\n";
  html += "<h1>" + name + "</h1>\n<p class=\"lead\">" + html_verdict(data) + "</p>\n<p class=\"soft\">" +
          fmt::format("Lathe {} on {}, {}, {}", html_text(data.lathe_version), html_text(data.cpu),
                      counted(static_cast<size_t>(data.threads), "thread"), html_text(data.instruction_set)) +
          "</p>\n";
  std::string body, links;
  for (const Section& section : sections(data)) {
    body += html_section(section.id, section.title, section.body);
    if (!section.body.empty()) links += fmt::format("<a href=\"#{}\">{}</a>\n", section.id, section.title);
  }
  html += "<nav>\n" + links + "</nav>\n</header>\n<main>\n" + html_cards(data) + body +
          "</main>\n</body>\n</html>\n";
  return html;
}

}  // namespace lathe
