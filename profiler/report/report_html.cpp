// SPDX-License-Identifier: Apache-2.0
// report.html: one page without scripts or external references, readable on paper, light and dark.
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "profiler/report/advice.h"
#include "profiler/report/precision_summary.h"
#include "profiler/report/report_data.h"

namespace lathe {
namespace {

constexpr const char* style = R"(
:root{color-scheme:light dark;--ink:#1c2126;--soft:#5b6670;--line:#d7dce1;--back:#fff;--card:#f6f8fa;--good:#0072b2;--bad:#d55e00;--mid:#e69f00}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#98a3ad;--line:#39424b;--back:#16191d;--card:#1f242a;--good:#56b4e9;--bad:#e8894a;--mid:#e6b84a}}
*{box-sizing:border-box}body{font:14px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}.soft{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:.8rem;margin:1.2rem 0}.card{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.8rem}
.card b{display:block;font-size:1.5rem}table{border-collapse:collapse;width:100%;font-size:13px}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bar{display:flex;height:22px;border-radius:4px;overflow:hidden;margin:.3rem 0;background:var(--line)}.bar span{display:block;height:100%}
.success{color:var(--good)}.failed{color:var(--bad)}.ignored,.covered{color:var(--soft)}pre{background:var(--card);border:1px solid var(--line);padding:.6rem;overflow:auto;font-size:12px;white-space:pre-wrap}
@media print{body{margin:0;max-width:none}.card{break-inside:avoid}}
)";

// Okabe and Ito's palette: told apart with any colour vision.
const char* const part_colours[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                    "#56b4e9", "#d55e00", "#f0e442"};

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string card(const std::string& label, const std::string& value, const std::string& below) {
  return "<div class=\"card\"><span class=\"soft\">" + label + "</span><b>" + escape(value) + "</b>" +
         escape(below) + "</div>\n";
}

std::string cards(const ReportData& data) {
  const Conversion& conversion = *data.conversion;
  const double before = data.before.latency.p50 / 1e6, after = data.after.latency.p50 / 1e6;
  std::string html = "<div class=\"cards\">\n";
  html += card("Conversion rate", fmt::format("{}/{}", conversion.converted, conversion.total),
               fmt::format("{:.1f} % of modules inside an engine",
                           100.0 * conversion.converted / std::max(1, conversion.total)));
  html += card("Engines", std::to_string(conversion.engines), "1 is ideal");
  html += card("Latency p50", fmt::format("{:.2f} ms", after),
               fmt::format("eager {:.2f} ms, {:.2f} times as fast", before, after > 0 ? before / after : 0));
  for (const auto& [name, value] : data.after.accuracy) {
    const auto old = data.before.accuracy.find(name);
    html += card(escape(name), fmt::format("{:.4f}", value),
                 old == data.before.accuracy.end() ? "" : fmt::format("eager {:.4f}", old->second));
  }
  return html + "</div>\n";
}

std::string balance_html(const std::string& title, const TimeBalance& balance) {
  if (balance.latency_ns <= 0) return "";
  std::string bar, legend;
  size_t colour = 0;
  const auto add = [&](const std::string& name, double ns, const char* paint) {
    const double share = 100 * ns / balance.latency_ns;
    bar += fmt::format("<span style=\"width:{:.2f}%;background:{}\"></span>", std::max(0.0, share), paint);
    legend += fmt::format(
        "<tr><td><span style=\"color:{}\">&#9632;</span> {}</td><td class=\"n\">{:.3f} ms</td><td "
        "class=\"n\">{:.1f} %</td></tr>\n",
        paint, escape(name), ns / 1e6, share);
  };
  for (const TimeBalance::Part& part : balance.parts)
    add(part.name, part.ns, part_colours[colour++ % std::size(part_colours)]);
  add("unexplained", balance.unexplained_ns(), "#8a8f94");
  return "<h3>" + title + "</h3><div class=\"bar\">" + bar + "</div><table>" + legend + "</table>\n";
}

std::string failures(const ReportData& data) {
  std::map<std::string, std::vector<const ModuleOutcome*>> groups;
  for (const ModuleOutcome& outcome : data.conversion->outcomes)
    if (outcome.failure && outcome.status == ModuleStatus::failed)
      groups[outcome.failure->error()].push_back(&outcome);
  if (groups.empty()) return "<p>Every module that was tried converted.</p>\n";
  std::string html;
  for (const auto& [error, outcomes] : groups) {
    html += "<h3 class=\"failed\">" + escape(error) + "</h3><p>" + std::to_string(outcomes.size()) +
            " modules. First evidence:</p>\n";
    const Failure& failure = *outcomes.front()->failure;
    html += "<pre>" + escape(failure.traceback()) + "</pre><ul>\n";
    for (const Remedy& remedy : failure.remedies) html += "<li>" + escape(remedy.text) + "</li>\n";
    html += "</ul>\n";
  }
  return html;
}

/// Nothing where nothing failed.
std::string next_steps(const ReportData& data) {
  const std::vector<Advice> list = advise(data);
  if (list.empty()) return "";
  std::string html = "<h2>Next steps</h2>\n<ol>\n";
  for (const Advice& advice : list) html += "<li>" + escape(advice.text()) + "</li>\n";
  return html + "</ol>\n";
}

std::string module_rows(const ReportData& data) {
  const ModuleTree& tree = data.conversion->model->modules;
  std::string html =
      "<table><tr><th>module</th><th>class</th><th>status</th><th>cause</th><th class=\"n\">before, "
      "us</th><th class=\"n\">after, us</th></tr>\n";
  const auto time = [](const std::map<ModuleId, ModuleTimes>& all, ModuleId id) {
    const auto found = all.find(id);
    return found == all.end() ? std::string() : fmt::format("{:.1f}", found->second.host_us);
  };
  for (const ModuleOutcome& outcome : data.conversion->outcomes) {
    const Module& module = tree[outcome.module];
    const char* status = to_string(outcome.status);
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"{}\">{}</td><td>{}</td><td class=\"n\">{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        module.path.empty() ? "(model)" : escape(module.path), escape(module.class_name), status, status,
        outcome.failure ? to_string(outcome.failure->cause) : "", time(data.before.modules, outcome.module),
        time(data.after.modules, outcome.module));
  }
  return html + "</table>\n";
}

/// Nothing where no lower precision was asked for.
std::string precision_html(const Conversion& conversion) {
  const PrecisionSummary summary = precision_summary(conversion);
  if (summary.nodes == 0) return "";
  const std::string line = summary.text();
  std::string html = "<h2>Precision</h2><p>" + (line.empty() ? "All nodes stay in fp32." : line + ".") +
                     " report.json names every node.</p>\n";
  if (summary.kept.empty()) return html;
  html += "<table><tr><th>reason to stay in fp32</th><th class=\"n\">nodes</th><th>first</th></tr>\n";
  for (const PrecisionSummary::Kept& group : summary.kept)
    html += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n", escape(group.reason),
                        group.nodes, escape(group.example));
  return html + "</table>\n";
}

}  // namespace

std::string report_html(const ReportData& data) {
  const std::string name =
      escape(data.conversion->model->path.substr(data.conversion->model->path.find_last_of('/') + 1));
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>" +
      name + " - conversion report</title><style>" + style + "</style></head><body>\n";
  html += "<h1>" + name + "</h1><p class=\"soft\">Lathe " + escape(data.lathe_version) + " on " +
          escape(data.cpu) + ", " + std::to_string(data.threads) + " threads, " +
          escape(data.instruction_set) + "</p>\n";
  html += cards(data);
  html += "<h2>Where the time goes</h2>\n" + balance_html("After", data.after.balance) +
          balance_html("Before (eager)", data.before.balance);
  html += next_steps(data);
  html += "<h2>What did not convert, and what to do</h2>\n" + failures(data);
  html += precision_html(*data.conversion);
  html += "<h2>Modules</h2>\n" + module_rows(data);
  html += "<h2>Configuration</h2><pre>" + escape(to_json(data.conversion->configuration)) +
          "</pre>\n</body></html>\n";
  return html;
}

}  // namespace lathe
