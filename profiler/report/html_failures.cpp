// SPDX-License-Identifier: Apache-2.0
// What did not convert, by cause, and the next steps of report.html.
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "profiler/report/advice.h"
#include "profiler/report/html.h"

namespace lathe {
namespace {

/// Failed modules that share cause and sentence.
struct Group {
  std::vector<const ModuleOutcome*> outcomes;
  double eager_us = 0;  ///< in nodes that they own
};

std::map<std::string, Group> groups_of(const ReportData& data) {
  const std::map<ModuleId, double> own = html_own_times(data);
  std::map<std::string, Group> groups;
  for (const ModuleOutcome& outcome : data.conversion->outcomes) {
    if (!outcome.failure || outcome.status != ModuleStatus::failed) continue;
    Group& group = groups[outcome.failure->error()];
    group.outcomes.push_back(&outcome);
    if (const auto time = own.find(outcome.module); time != own.end()) group.eager_us += time->second;
  }
  return groups;
}

std::string evidence_table(const Failure& failure) {
  constexpr size_t most = 8;
  if (failure.evidence.empty()) return "";
  const bool sources = std::any_of(failure.evidence.begin(), failure.evidence.end(),
                                   [](const Failure::Evidence& each) { return !each.source.empty(); });
  std::string html = "<div class=\"scroll\"><table><thead><tr><th>node</th><th>operator</th><th>shapes</th>";
  html += sources ? "<th>source</th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n";
  for (size_t i = 0; i < std::min(most, failure.evidence.size()); ++i) {
    const Failure::Evidence& each = failure.evidence[i];
    html += fmt::format("<tr><td class=\"wrap\">{}</td><td>{}</td><td class=\"wrap\">{}</td>",
                        html_text(each.name), html_text(each.op_type), html_short(each.shapes, 160));
    if (sources) html += "<td class=\"wrap\">" + html_text(each.source) + "</td>";
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n";
  if (failure.evidence.size() > most)
    html += fmt::format("<p class=\"soft\">and {} more, named in report.json</p>\n",
                        failure.evidence.size() - most);
  return html;
}

std::string module_list(const ReportData& data, const std::vector<const ModuleOutcome*>& outcomes) {
  std::string html = fmt::format("<details><summary>{}</summary><ul>\n", counted(outcomes.size(), "module"));
  for (const ModuleOutcome* outcome : outcomes)
    html += "<li>" + html_path(data.conversion->model->modules[outcome->module].path) + "</li>\n";
  return html + "</ul></details>\n";
}

/// Each remedy of the group once, in the order of its modules.
std::string remedy_list(const std::vector<const ModuleOutcome*>& outcomes) {
  constexpr size_t most = 6;
  std::vector<std::string> texts;
  for (const ModuleOutcome* outcome : outcomes)
    for (const Remedy& remedy : outcome->failure->remedies)
      if (std::find(texts.begin(), texts.end(), remedy.text) == texts.end()) texts.push_back(remedy.text);
  if (texts.empty()) return "";
  std::string html = "<p><strong>What to do</strong></p><ul>\n";
  for (size_t i = 0; i < std::min(most, texts.size()); ++i) html += "<li>" + html_text(texts[i]) + "</li>\n";
  if (texts.size() > most) html += fmt::format("<li>and {} more, in report.json</li>\n", texts.size() - most);
  return html + "</ul>\n";
}

std::string group_html(const ReportData& data, const Group& group, double whole_us) {
  const Failure& failure = *group.outcomes.front()->failure;
  const bool excluded = failure.cause == FailureCause::excluded;
  std::string sentence = failure.sentence;
  if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] += 'A' - 'a';
  std::string html = fmt::format("<div class=\"failure{}\"><h3>{}</h3>\n<p>{}.</p>\n",
                                 excluded ? " keep" : "", to_string(failure.cause), html_text(sentence));
  html += fmt::format("<p class=\"soft\">{}{}</p>\n", counted(group.outcomes.size(), "module"),
                      whole_us > 0 ? fmt::format(", {:.1f} % of the operator time of the eager run",
                                                 100 * group.eager_us / whole_us)
                                   : "");
  if (!failure.chain.empty()) {
    html += "<pre>";
    for (const std::string& line : failure.chain) html += html_text(line) + "\n";
    html += "</pre>\n";
  }
  return html + evidence_table(failure) + remedy_list(group.outcomes) + module_list(data, group.outcomes) +
         "</div>\n";
}

/// One step, and what could be done instead.
std::string advice_html(const Advice& advice) {
  constexpr size_t most = 4;
  std::string html = "<li>" + html_text(advice.text());
  if (!advice.others.empty()) html += "\n<ul>\n";
  for (size_t i = 0; i < std::min(most, advice.others.size()); ++i)
    html += "<li class=\"soft\">or: " + html_text(advice.others[i].text(advice.total)) + "</li>\n";
  if (!advice.others.empty()) html += "</ul>\n";
  return html + "</li>\n";
}

}  // namespace

std::string html_failures(const ReportData& data) {
  const std::map<std::string, Group> groups = groups_of(data);
  if (groups.empty()) return "<p>Every module that was tried converted.</p>\n";
  std::vector<const Group*> order;
  for (const auto& [error, group] : groups) order.push_back(&group);
  std::stable_sort(order.begin(), order.end(),
                   [](const Group* a, const Group* b) { return a->eager_us > b->eager_us; });
  const double whole_us = static_cast<double>(data.before.statistics.op_ns) / 1e3;
  std::string html;
  for (const Group* group : order) html += group_html(data, *group, whole_us);
  return html;
}

std::string html_next_steps(const ReportData& data) {
  const std::vector<Advice> list = advise(data);
  if (list.empty()) return "";
  std::string html = "<ol>\n";
  for (const Advice& advice : list) html += advice_html(advice);
  return html + "</ol>\n";
}

/// Nothing where no remedy was taken.
std::string html_remedies(const ReportData& data) {
  const std::vector<AppliedRemedy>& applied = data.conversion->remedies;
  if (applied.empty()) return "";
  std::string html = "<p>Before it was converted, in this order; config.json repeats it.</p>\n<ol>\n";
  for (const AppliedRemedy& each : applied)
    html +=
        "<li>" + html_text(each.text) +
        (each.metric_loss
             ? fmt::format(" <span class=\"soft\">({:.4g} of the metric lost)</span>", *each.metric_loss)
             : "") +
        (each.loss ? fmt::format(" <span class=\"soft\">(outputs differ by at most {:.2g} of their largest "
                                 "element)</span>",
                                 *each.loss)
                   : "") +
        "</li>\n";
  return html + "</ol>\n";
}

}  // namespace lathe
