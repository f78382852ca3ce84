// SPDX-License-Identifier: Apache-2.0
// The module tree of report.html: as a table, and as areas in proportion to eager time.
#include <algorithm>
#include <fmt/format.h>

#include "profiler/report/html.h"

namespace lathe {
namespace {

/// Rows of rectangles: a module above those it contains, as wide as its time.
class Icicle {
 public:
  explicit Icicle(const ReportData& data)
      : data_(data), tree_(data.conversion->model->modules), weight_(tree_.modules().size(), 0) {
    const std::map<ModuleId, double> own = html_own_times(data);
    timed_ = std::any_of(own.begin(), own.end(), [](const auto& entry) { return entry.second > 0; });
    for (const Module& module : tree_.modules()) {
      const auto found = own.find(module.id);
      weight_[module.id.index] = !timed_              ? static_cast<double>(module.nodes.size())
                                 : found == own.end() ? 0
                                                      : found->second;
    }
    // Parents stand before their children.
    for (size_t i = tree_.modules().size(); i-- > 1;) {
      const ModuleId parent = tree_.modules()[i].parent;
      weight_[parent.index] += weight_[i];
    }
  }

  bool timed() const { return timed_; }

  std::string draw() {
    if (weight_[0] <= 0) return "";
    place(ModuleTree::root(), 0, width, 0);
    return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Modules by time\">\n", width,
                       row * (deepest_ + 1)) +
           svg_ + "</svg>\n";
  }

 private:
  static constexpr double width = 1040, row = 24;
  static constexpr int levels = 9;

  void place(ModuleId id, double x, double wide, int depth) {
    // What is thinner than a hair is not drawn.
    if (wide < 0.6 || depth >= levels) return;
    deepest_ = std::max(deepest_, depth);
    const Module& module = tree_[id];
    const ModuleOutcome* outcome = data_.conversion->find(id);
    const double share = 100 * weight_[id.index] / weight_[0];
    svg_ +=
        fmt::format("<g><rect class=\"ice box {}\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>",
                    html_tone(outcome), x, depth * row, wide, row);
    const size_t letters = static_cast<size_t>(wide / 7.2);
    if (letters >= 4)
      svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{}\">{}</text>", x + 5, depth * row + 16,
                          module.path.empty() ? "(model)" : html_short(module.name, letters - 1));
    svg_ += fmt::format("<title>{} ({}): {:.1f} %</title></g>\n", html_path(module.path),
                        html_text(module.class_name), share);
    double at = x;
    for (const ModuleId child : module.children) {
      const double part = wide * weight_[child.index] / weight_[id.index];
      place(child, at, part, depth + 1);
      at += part;
    }
  }

  const ReportData& data_;
  const ModuleTree& tree_;
  std::vector<double> weight_;
  std::string svg_;
  int deepest_ = 0;
  bool timed_ = false;
};

std::string time_text(const std::map<ModuleId, ModuleTimes>& all, ModuleId id, int runs) {
  const auto found = all.find(id);
  if (found == all.end()) return "";
  return html_duration(found->second.host_us * 1e3 / std::max(1, runs));
}

size_t depth_of(const ModuleTree& tree, ModuleId id) {
  size_t depth = 0;
  for (ModuleId at = tree[id].parent; at.valid(); at = tree[at].parent) ++depth;
  return depth;
}

}  // namespace

std::string html_module_times(const ReportData& data) {
  Icicle icicle(data);
  const std::string svg = icicle.draw();
  if (svg.empty()) return "";
  return "<figure>" + svg + "<figcaption>" +
         (icicle.timed() ? "Width: time of the eager run in the operators of a module and of those under it."
                         : "Width: operators of a module and of those under it.") +
         " <span class=\"good\">\u25A0</span> in an engine, <span class=\"bad\">\u25A0</span> did not "
         "convert, "
         "<span class=\"keep\">\u25A0</span> kept eager.</figcaption></figure>\n";
}

std::string html_modules(const ReportData& data) {
  const ModuleTree& tree = data.conversion->model->modules;
  std::string html =
      "<p class=\"soft\">Times are from a module's start to its end in one run, what it calls included. "
      "Inside an engine a fused step counts for the deepest module that all of it has in common.</p>\n<div "
      "class=\"scroll\"><table><thead><tr><th>module</th><th>"
      "class</th><th>outcome</th><th>precision</th><th class=\"n\">before</th><th "
      "class=\"n\">after</th></tr></thead><tbody>\n";
  for (const ModuleOutcome& outcome : data.conversion->outcomes) {
    const Module& module = tree[outcome.module];
    const size_t depth = depth_of(tree, outcome.module);
    std::string text = to_string(outcome.status);
    if (outcome.failure) text += std::string(": ") + to_string(outcome.failure->cause);
    const bool engine = outcome.status == ModuleStatus::success;
    html += fmt::format(
        "<tr><td class=\"wrap\" style=\"padding-left:{:.1f}rem\" title=\"{}\">{}</td><td>{}{}</td><td "
        "class=\"{}\">{}</td><td>{}</td>"
        "<td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        0.9 * static_cast<double>(std::min<size_t>(depth, 12)), html_path(module.path),
        module.path.empty() ? "(model)" : html_text(module.name), html_text(module.class_name),
        module.class_inferred ? " *" : "", html_tone(&outcome), text,
        engine ? html_text(outcome.precision) : "",
        time_text(data.before.modules, outcome.module, data.active_runs),
        time_text(data.after.modules, outcome.module, data.active_runs));
  }
  html += "</tbody></table></div>\n";
  const bool inferred = std::any_of(tree.modules().begin(), tree.modules().end(),
                                    [](const Module& module) { return module.class_inferred; });
  return inferred ? html + "<p class=\"soft\">* class told from the module's operators</p>\n" : html;
}

}  // namespace lathe
