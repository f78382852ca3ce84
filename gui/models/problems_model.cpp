// SPDX-License-Identifier: Apache-2.0
#include "gui/models/problems_model.h"

#include <algorithm>

#include "gui/models/module_tree_model.h"
#include "gui/models/remedy_choices.h"

namespace lathe {
namespace {

Problem problemOf(const Finding& finding) {
  return {finding.severity,
          QString::fromStdString(finding.where),
          QString::fromStdString(finding.message),
          QString::fromStdString(finding.remedy),
          finding.node,
          ModuleId(),
          {}};
}

Problem problemOf(const Document& document, const ModuleOutcome& outcome) {
  const Failure& failure = *outcome.failure;
  Problem problem;
  problem.severity = Severity::warning;  // the model still runs: the module stays eager
  problem.where = moduleTitle(document, outcome.module);
  problem.message = QString::fromStdString(failure.error());
  problem.module = outcome.module;
  QStringList remedies;
  const Configuration& configuration = document.conversion()->conversion.configuration;
  for (const Remedy& remedy : failure.remedies) {
    if (!isUseful(remedy, failure, configuration)) continue;
    remedies << remedyText(remedy);
    problem.remedies.push_back(remedy);
  }
  problem.remedy = remedies.join(QStringLiteral(" · "));
  return problem;
}

/// A module that failed for the same reason as one inside it: the one inside is told.
bool repeatsChild(const Document& document, const ModuleOutcome& outcome) {
  const std::string error = outcome.failure->error();
  const std::vector<ModuleId>& children = document.model()->modules[outcome.module].children;
  return std::any_of(children.begin(), children.end(), [&](ModuleId child) {
    const ModuleOutcome* inside = document.outcome(child);
    return inside != nullptr && inside->status == ModuleStatus::failed && inside->failure &&
           inside->failure->error() == error;
  });
}

}  // namespace

QString severityName(Severity severity) {
  switch (severity) {
    case Severity::error:
      return ProblemsModel::tr("Error");
    case Severity::warning:
      return ProblemsModel::tr("Warning");
    case Severity::note:
      break;
  }
  return ProblemsModel::tr("Note");
}

ProblemsModel::ProblemsModel(const Document& document, QObject* parent)
    : QAbstractTableModel(parent), m_document(document) {
  for (const auto signal : {&Document::modelChanged, &Document::modelRefreshed, &Document::conversionChanged})
    connect(&document, signal, this, &ProblemsModel::rebuild);
  rebuild();
}

void ProblemsModel::rebuild() {
  beginResetModel();
  m_problems.clear();
  if (const auto& opened = m_document.opened())
    for (const Finding& finding : opened->findings) m_problems.push_back(problemOf(finding));
  if (const auto& report = m_document.conversion()) {
    for (const Finding& note : report->conversion.notes) m_problems.push_back(problemOf(note));
    for (const ModuleOutcome& outcome : report->conversion.outcomes)
      if (outcome.status == ModuleStatus::failed && outcome.failure && !repeatsChild(m_document, outcome))
        m_problems.push_back(problemOf(m_document, outcome));
  }
  std::stable_sort(m_problems.begin(), m_problems.end(),
                   [](const Problem& a, const Problem& b) { return a.severity > b.severity; });
  m_counts = {};
  for (const Problem& problem : m_problems) ++m_counts[static_cast<size_t>(problem.severity)];
  endResetModel();
}

int ProblemsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_problems.size());
}

int ProblemsModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

QVariant ProblemsModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Problem& of = problem(index.row());
  const QString texts[ColumnCount] = {severityName(of.severity), of.where, of.message, of.remedy};
  const QString& text = texts[index.column()];
  switch (role) {
    case Qt::DisplayRole:
      return text;
    case Qt::ToolTipRole:
      return QStringLiteral("<p>%1</p>").arg(text.toHtmlEscaped());  // rich text wraps
    case SeverityRole:
      return static_cast<int>(of.severity);
    default:
      return {};
  }
}

QVariant ProblemsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  const QString titles[ColumnCount] = {tr("Severity"), tr("Where"), tr("Problem"), tr("What to do")};
  if (role == Qt::DisplayRole) return titles[section];
  if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
