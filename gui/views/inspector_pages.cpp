// SPDX-License-Identifier: Apache-2.0
#include "gui/views/inspector_pages.h"

#include <QCoreApplication>
#include <algorithm>

#include "gui/models/module_tree_model.h"
#include "gui/models/problems_model.h"
#include "gui/views/html_page.h"
#include "gui/views/inspector_conversion.h"
#include "gui/views/inspector_node.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr size_t listed = 12;  ///< of long lists; the rest is counted

class Pages {
  Q_DECLARE_TR_FUNCTIONS(lathe::Inspector)
 public:
  Pages(const Document& document, HtmlPage& page)
      : m_document(document), m_opened(*document.opened()), m_model(*m_opened.model), m_page(page) {}

  void model();
  void module(ModuleId id);
  void slice(const Selected& selected);
  void range(const Selected& selected);

 private:
  void totals(const ModuleSummary& summary);
  void times(const Module& module);
  void values(const QString& title, const std::vector<ValueId>& ids);
  void findings(ModuleId id);

  const Document& m_document;
  const OpenedModel& m_opened;
  const Model& m_model;
  HtmlPage& m_page;
};

void Pages::values(const QString& title, const std::vector<ValueId>& ids) {
  if (ids.empty()) return;
  m_page.section(title);
  for (const ValueId id : ids) m_page.item(valueLine(m_opened, id));
}

void Pages::model() {
  const ModelSummary& summary = m_opened.summary;
  m_page.title(m_document.title(), tr("Model. Select a module, node or tensor to see more of it."));
  QStringList opsets;
  for (const auto& [domain, version] : m_model.opsets)
    opsets << (domain.empty() ? QStringLiteral("ai.onnx") : QString::fromStdString(domain)) +
                  QStringLiteral(" %1").arg(version);
  m_page.row(tr("Opset"), opsets.join(QStringLiteral(", ")).toHtmlEscaped());
  m_page.row(tr("Made by"), escaped(m_model.producer_name + ' ' + m_model.producer_version).trimmed());
  m_page.row(tr("Nodes"), formatCount(summary.nodes));
  m_page.row(tr("Modules"), formatCount(static_cast<int64_t>(m_model.modules.modules().size())));
  m_page.row(
      tr("Parameters"),
      tr("%1 in %2").arg(formatCount(summary.parameters.elements), formatBytes(summary.parameters.bytes)));
  QString flops = formatFlops(summary.flops);
  if (summary.unknown_costs > 0)
    flops += muted(
        tr(" and %n node(s) whose shapes are not known", nullptr, static_cast<int>(summary.unknown_costs)));
  m_page.row(tr("Work"), flops);
  values(tr("Inputs"), m_model.graph.inputs());
  values(tr("Outputs"), m_model.graph.outputs());
}

void Pages::module(ModuleId id) {
  const Module& module = m_model.modules[id];
  QString about = QString::fromStdString(module.class_name);
  if (!module.python_module.empty()) about.prepend(QString::fromStdString(module.python_module) + '.');
  if (module.class_inferred) about += tr(" (inferred from its nodes)");
  m_page.title(moduleTitle(m_document, id), about);
  if (module.parent.valid())
    m_page.row(tr("Inside"), link(module.parent, moduleTitle(m_document, module.parent)));
  if (id.index < m_opened.summary.modules.size()) totals(m_opened.summary.modules[id.index]);
  times(module);
  conversionRows(m_document, id, m_page);
  findings(id);
  if (!module.children.empty()) {
    m_page.section(tr("Modules inside (%1)").arg(module.children.size()));
    QStringList names;
    for (size_t i = 0; i < std::min(module.children.size(), listed); ++i) {
      const Module& child = m_model.modules[module.children[i]];
      names << link(child.id, QString::fromStdString(child.name)) + ' ' + muted(escaped(child.class_name));
    }
    if (module.children.size() > listed) names << muted(tr("%1 more").arg(module.children.size() - listed));
    m_page.item(names.join(QStringLiteral("<br>")));
  }
  if (!module.nodes.empty()) {
    m_page.section(tr("Own nodes (%1)").arg(module.nodes.size()));
    QStringList names;
    for (size_t i = 0; i < std::min(module.nodes.size(), listed); ++i) {
      const Node& node = m_model.graph.node(module.nodes[i]);
      names << link(node.id, QString::fromStdString(node.qualified_type())) + ' ' + muted(escaped(node.name));
    }
    if (module.nodes.size() > listed) names << muted(tr("%1 more").arg(module.nodes.size() - listed));
    m_page.item(names.join(QStringLiteral("<br>")));
  }
}

void Pages::totals(const ModuleSummary& summary) {
  m_page.section(tr("Totals"));
  m_page.row(tr("Nodes"),
             summary.nodes == summary.total_nodes
                 ? formatCount(summary.total_nodes)
                 : tr("%1, %2 its own").arg(formatCount(summary.total_nodes), formatCount(summary.nodes)));
  if (summary.total_parameters.elements > 0)
    m_page.row(tr("Parameters"), tr("%1 in %2")
                                     .arg(formatCount(summary.total_parameters.elements),
                                          formatBytes(summary.total_parameters.bytes)));
  if (summary.total_flops > 0) m_page.row(tr("Work"), formatFlops(summary.total_flops));
  if (summary.total_bytes > 0) m_page.row(tr("Memory traffic"), formatBytes(summary.total_bytes));
  QStringList operators;
  for (size_t i = 0; i < std::min(summary.operators.size(), listed); ++i)
    operators
        << QStringLiteral("%1 %2").arg(summary.operators[i].count).arg(escaped(summary.operators[i].op_type));
  if (summary.operators.size() > listed) operators << QStringLiteral("…");
  m_page.row(tr("Own operators"), operators.join(QStringLiteral(", ")));
}

void Pages::times(const Module& module) {
  const ShownTimes shown = shownTimes(m_document);
  const auto line = [&](const Statistics* statistics) -> QString {
    const StatisticsEntry* found = statistics != nullptr ? statistics->module(module.path) : nullptr;
    if (found == nullptr) return {};
    const double runs = std::max(statistics->runs, 1);
    const double share = statistics->op_ns > 0 ? static_cast<double>(found->op_total_ns) /
                                                     static_cast<double>(statistics->op_ns)
                                               : 0;
    return strong(formatDuration(static_cast<double>(found->op_total_ns) / runs)) +
           muted(tr(" · own %1 · %2 of the model")
                     .arg(formatDuration(static_cast<double>(found->self_ns) / runs), formatPercent(share)));
  };
  const QString before = line(shown.before), after = line(shown.after);
  if (before.isEmpty() && after.isEmpty()) return;
  m_page.section(tr("Time of one run"));
  m_page.row(shown.label, before);
  m_page.row(tr("after"), after);
}

void Pages::findings(ModuleId id) {
  QStringList lines;
  for (const Finding& finding : m_opened.findings) {
    if (!finding.node.valid() || finding.node.index >= m_model.graph.nodes().size()) continue;
    const Node& node = m_model.graph.node(finding.node);
    if (!m_model.modules.contains(id, node.module)) continue;
    if (static_cast<size_t>(lines.size()) == listed) {
      lines << QStringLiteral("…");
      break;
    }
    lines << severityName(finding.severity) + QStringLiteral(": ") +
                 link(node.id, QString::fromStdString(node.name)) + ' ' + escaped(finding.message);
  }
  if (lines.isEmpty()) return;
  m_page.section(tr("Findings"));
  for (const QString& line : std::as_const(lines)) m_page.item(line);
}

void Pages::slice(const Selected& selected) {
  const TraceEntry& entry = m_document.traces()[static_cast<size_t>(selected.trace)];
  sliceRows(entry, selected.slice, m_page);
}

void Pages::range(const Selected& selected) {
  m_page.title(tr("Time range"), tr("What ran in it is listed below the timeline."));
  m_page.row(tr("Length"), formatDuration(static_cast<double>(selected.range->end - selected.range->begin)));
}

}  // namespace

QString inspectorPage(const Document& document, const Selected& selected, const NodeFacts* facts) {
  HtmlPage page;
  const bool validTrace =
      selected.trace >= 0 && static_cast<size_t>(selected.trace) < document.traces().size();
  if (document.model() == nullptr) {
    // A trace without its model still has its slices.
    if (selected.kind == Selected::Kind::Slice && validTrace)
      sliceRows(document.traces()[static_cast<size_t>(selected.trace)], selected.slice, page);
    return page.html();
  }
  Pages pages(document, page);
  if (selected.kind == Selected::Kind::Slice && validTrace) pages.slice(selected);
  if (selected.kind == Selected::Kind::Range && selected.range) pages.range(selected);
  if (selected.kind == Selected::Kind::Value && selected.value.valid()) {
    valueRows(document, selected.value, page);
  } else if (selected.node.valid()) {
    nodeRows(document, selected.node, facts, page);
    conversionRows(document, document.model()->graph.node(selected.node).module, page);
    nodeEnd(document, selected.node, facts, page);
  } else if (selected.module.valid()) {
    pages.module(selected.module);
  }
  if (selected.kind == Selected::Kind::None) {
    pages.model();
    conversionRows(document, ModuleTree::root(), page);
  }
  return page.html();
}

}  // namespace lathe
