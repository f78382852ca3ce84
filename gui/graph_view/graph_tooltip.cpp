// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_tooltip.h"

#include <QCoreApplication>
#include <algorithm>

#include "gui/document/document.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr size_t mostRows = 6;

QString tr(const char* text) {
  return QCoreApplication::translate("lathe::GraphView", text);
}

/// Rows of a two-column table under a heading.
class Tip {
 public:
  Tip(const QString& title, const QString& what) {
    m_text = QStringLiteral("<p style='white-space:pre'><b>%1</b>").arg(title.toHtmlEscaped());
    if (!what.isEmpty()) m_text += QStringLiteral("&nbsp;&nbsp;") + muted(what);
    m_text += QStringLiteral("</p><table cellspacing='0' cellpadding='1'>");
  }
  void row(const QString& name, const QString& value) {
    if (value.isEmpty()) return;
    m_text += QStringLiteral("<tr><td style='white-space:pre'>%1&nbsp;&nbsp;</td><td>%2</td></tr>")
                  .arg(muted(name), value.toHtmlEscaped());
  }
  QString text() const { return m_text + QStringLiteral("</table>"); }

 private:
  static QString muted(const QString& text) {
    return QStringLiteral("<span style='color:%1'>%2</span>")
        .arg(theme().mutedText.name(), text.toHtmlEscaped());
  }
  QString m_text;
};

QString typeText(const GraphScene& scene, ValueId value) {
  const auto& types = scene.opened->types.types;
  const TypeInfo& type = value.index < types.size() ? types[value.index] : scene.graph().value(value).type;
  const QString shape = formatShape(type);
  return shape.isEmpty() ? formatElement(type) : formatElement(type) + QStringLiteral("  ") + shape;
}

QString valueText(const GraphScene& scene, ValueId value) {
  return QString::fromStdString(scene.graph().value(value).name) + QStringLiteral(" : ") +
         typeText(scene, value);
}

void addValues(Tip& tip, const GraphScene& scene, const QString& name, const std::vector<ValueId>& values) {
  size_t rows = 0;
  for (const ValueId value : values) {
    if (!value.valid()) continue;
    if (rows == mostRows) {
      tip.row({}, tr("and %1 more").arg(values.size() - rows));
      break;
    }
    tip.row(rows++ == 0 ? name : QString(), valueText(scene, value));
  }
}

QString timeText(const Document& document, const std::vector<StatisticsEntry>& entries,
                 const std::string& name, bool module) {
  if (document.active() == nullptr) return {};
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const StatisticsEntry& e) { return e.name == name; });
  if (found == entries.end()) return {};
  const Statistics& statistics = document.active()->statistics;
  const auto ns = static_cast<double>(module ? found->op_total_ns : found->self_ns);
  const QString share = formatPercent(ns / static_cast<double>(std::max<int64_t>(1, statistics.op_ns)));
  return tr("%1 per run, %2 of all operators").arg(formatDuration(ns / std::max(1, statistics.runs)), share);
}

QString statusText(const Document& document, ModuleId module) {
  const ModuleOutcome* outcome = document.outcome(module);
  if (outcome == nullptr) return {};
  const QString precision = QString::fromStdString(outcome->precision);
  switch (outcome->status) {
    case ModuleStatus::success:
      return tr("an engine of its own, %1").arg(precision);
    case ModuleStatus::covered:
      return tr("inside the engine of a module around it, %1").arg(precision);
    case ModuleStatus::failed:
    case ModuleStatus::ignored:
      break;
  }
  return outcome->failure ? QString::fromStdString(outcome->failure->error()) : tr("kept eager");
}

QString nodeTooltip(const GraphScene& scene, const Document& document, const Node& node) {
  Tip tip(QString::fromStdString(node.qualified_type()), QString::fromStdString(node.name));
  const std::string& path = scene.modules()[node.module.valid() ? node.module : ModuleTree::root()].path;
  tip.row(tr("Module"), QString::fromStdString(path));
  addValues(tip, scene, tr("Inputs"), node.inputs);
  addValues(tip, scene, tr("Outputs"), node.outputs);
  tip.row(tr("Source"), QString::fromStdString(node.source));
  if (const TraceEntry* trace = document.active())
    tip.row(tr("Time"), timeText(document, trace->statistics.nodes, node.name, false));
  return tip.text();
}

QString moduleTooltip(const GraphScene& scene, const Document& document, int index) {
  const SceneBox& box = scene.box(index);
  const Module& module = scene.modules()[box.module];
  Tip tip(QString::fromStdString(module.path), scene.labels[static_cast<size_t>(index)].subtitle);
  const auto& summaries = scene.opened->summary.modules;
  if (box.module.index < summaries.size()) {
    const ModuleSummary& summary = summaries[box.module.index];
    tip.row(tr("Nodes"), tr("%1, constants not counted").arg(box.node_count));
    tip.row(tr("Parameters"), formatCount(summary.total_parameters.elements));
    const QString work = formatFlops(summary.total_flops);
    tip.row(tr("Work"), scene.opened->summary.unknown_costs > 0 ? tr("at least %1").arg(work) : work);
  }
  if (const TraceEntry* trace = document.active())
    tip.row(tr("Time"), timeText(document, trace->statistics.modules, module.path, true));
  tip.row(tr("Conversion"), statusText(document, box.module));
  if (const int repeats = scene.repeats[static_cast<size_t>(index)]; repeats > 1)
    tip.row(tr("Repeated"), tr("one of %1 blocks with the same operators").arg(repeats));
  tip.row({}, box.kind == SceneBox::Kind::module ? tr("Double-click to open") : tr("Double-click to close"));
  return tip.text();
}

}  // namespace

QString boxTooltip(const GraphScene& scene, const Document& document, int box) {
  const SceneBox& at = scene.box(box);
  switch (at.kind) {
    case SceneBox::Kind::node:
      return nodeTooltip(scene, document, scene.graph().node(at.node));
    case SceneBox::Kind::module:
    case SceneBox::Kind::frame:
      return moduleTooltip(scene, document, box);
    case SceneBox::Kind::input:
    case SceneBox::Kind::output:
      break;
  }
  Tip tip(QString::fromStdString(scene.graph().value(at.value).name),
          at.kind == SceneBox::Kind::input ? tr("input of the model") : tr("output of the model"));
  tip.row(tr("Type"), typeText(scene, at.value));
  return tip.text();
}

QString edgeTooltip(const GraphScene& scene, int edge) {
  const SceneEdge& at = scene.edge(edge);
  const auto title = [&](int box) { return scene.labels[static_cast<size_t>(box)].title; };
  Tip tip(title(at.from) + QStringLiteral(" → ") + title(at.to), {});
  addValues(tip, scene, tr("Carries"), at.values);
  return tip.text();
}

}  // namespace lathe
