// SPDX-License-Identifier: Apache-2.0
#include "gui/models/statistics_model.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "gui/models/module_tree_model.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

const std::vector<StatisticsEntry>& entriesOf(const Statistics& statistics,
                                              StatisticsModel::Grouping grouping) {
  switch (grouping) {
    case StatisticsModel::Grouping::Class:
      return statistics.classes;
    case StatisticsModel::Grouping::Operator:
      return statistics.operators;
    case StatisticsModel::Grouping::Module:
      break;
  }
  return statistics.modules;
}

}  // namespace

StatisticsModel::StatisticsModel(const Document& document, QObject* parent)
    : QAbstractTableModel(parent), m_document(document) {
  const auto states = [this] {
    if (!m_rows.empty()) emit dataChanged(index(0, State), index(rowCount() - 1, Precision));
  };
  connect(&document, &Document::moduleStatesChanged, this, states);
  connect(&document, &Document::conversionChanged, this, states);
  // Module ids are of the old model from here on.
  connect(&document, &Document::modelChanged, this, [this] { setSides({}); });
}

void StatisticsModel::setSides(std::vector<Side> sides) {
  beginResetModel();
  m_sides = std::move(sides);
  if (m_sides.size() > 2) m_sides.resize(2);
  rebuild();
  endResetModel();
}

void StatisticsModel::setGrouping(Grouping grouping) {
  if (grouping == m_grouping) return;
  beginResetModel();
  m_grouping = grouping;
  rebuild();
  endResetModel();
}

void StatisticsModel::rebuild() {
  m_rows.clear();
  for (size_t side = 0; side < m_sides.size(); ++side) addSide(side);
}

void StatisticsModel::addSide(size_t side) {
  const Statistics& statistics = *m_sides[side].statistics;
  const Model* model = m_document.model();
  const double runs = std::max(statistics.runs, 1);
  std::unordered_map<std::string, size_t> rowOf;
  for (size_t i = 0; i < m_rows.size(); ++i) rowOf[m_rows[i].name.toStdString()] = i;
  std::unordered_map<std::string, ModuleId> firstOfClass;
  if (model != nullptr && m_grouping == Grouping::Class)
    for (const Module& module : model->modules.modules())
      firstOfClass.try_emplace(module.class_name, module.id);
  for (const StatisticsEntry& entry : entriesOf(statistics, m_grouping)) {
    const auto [found, isNew] = rowOf.try_emplace(entry.name, m_rows.size());
    if (isNew) {
      Row& row = m_rows.emplace_back();
      row.name = QString::fromStdString(entry.name);
      row.className = QString::fromStdString(entry.class_name);
      if (model != nullptr && m_grouping == Grouping::Module)
        row.module = model->modules.find(entry.name).value_or(ModuleId());
      if (const auto first = firstOfClass.find(entry.name); first != firstOfClass.end())
        row.module = first->second;
    }
    Row& row = m_rows[found->second];
    row.time[side] = static_cast<double>(entry.op_total_ns) / runs;
    if (side + 1 != m_sides.size()) continue;
    row.self = static_cast<double>(entry.self_ns) / runs;
    row.share = statistics.op_ns > 0
                    ? static_cast<double>(entry.op_total_ns) / static_cast<double>(statistics.op_ns)
                    : -1;
    row.calls = static_cast<double>(entry.calls) / runs;
    row.flopRate = entry.flops_per_second();
  }
}

QModelIndex StatisticsModel::indexOf(ModuleId module) const {
  if (m_grouping != Grouping::Module || !module.valid()) return {};
  for (size_t i = 0; i < m_rows.size(); ++i)
    if (m_rows[i].module == module) return index(static_cast<int>(i), Name);
  return {};
}

int StatisticsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int StatisticsModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

QString StatisticsModel::stateText(ModuleId module) const {
  if (m_grouping != Grouping::Module) return {};
  switch (m_document.moduleState(module)) {
    case ModuleState::None:
      return {};
    case ModuleState::Trying:
      return tr("trying…");
    case ModuleState::Success:
      return tr("engine");
    case ModuleState::Covered:
      return tr("in engine");
    case ModuleState::Failed:
      return tr("failed");
    case ModuleState::Ignored:
      return tr("eager");
  }
  return {};
}

QString StatisticsModel::precisionText(ModuleId module) const {
  // What an engine covers has the precision of the engine.
  const Model* model = m_document.model();
  if (m_grouping != Grouping::Module || model == nullptr) return {};
  for (ModuleId at = module; at.valid(); at = model->modules[at].parent) {
    const ModuleOutcome* outcome = m_document.outcome(at);
    if (outcome == nullptr) return {};
    if (outcome->status == ModuleStatus::success) return QString::fromStdString(outcome->precision);
    if (outcome->status != ModuleStatus::covered) return {};
  }
  return {};
}

double StatisticsModel::change(const Row& row) const {
  return row.time[0] > 0 && row.time[1] >= 0 ? row.time[1] / row.time[0] - 1 : 0;
}

QVariant StatisticsModel::text(const Row& row, int column) const {
  const auto time = [](double ns) { return ns < 0 ? QStringLiteral("–") : formatDuration(ns); };
  switch (column) {
    case Name:
      return row.name.isEmpty() && m_grouping == Grouping::Module ? m_document.title() : row.name;
    case Class:
      return row.className;
    case State:
      return stateText(row.module);
    case Precision:
      return precisionText(row.module);
    case First:
      return time(row.time[0]);
    case Second:
      return m_sides.size() > 1 ? time(row.time[1]) : QString();
    case Change:
      if (m_sides.size() < 2 || row.time[0] <= 0 || row.time[1] < 0) return QString();
      return (change(row) > 0 ? QStringLiteral("+") : QString()) + formatPercent(change(row));
    case Self:
      return time(row.self);
    case Share:
      return row.share < 0 ? QString() : formatPercent(row.share);
    case Calls:
      return row.calls > 0 ? QString::number(row.calls, 'g', 4) : QString();
    case Rate:
      return row.flopRate > 0 ? formatFlopRate(row.flopRate) : QString();
  }
  return {};
}

QVariant StatisticsModel::sortKey(const Row& row, int column) const {
  switch (column) {
    case First:
      return row.time[0];
    case Second:
      return row.time[1];
    case Change:
      return change(row);
    case Self:
      return row.self;
    case Share:
      return row.share;
    case Calls:
      return row.calls;
    case Rate:
      return row.flopRate;
    default:
      return text(row, column);
  }
}

QVariant StatisticsModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const Row& row = m_rows[static_cast<size_t>(index.row())];
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole:
      return text(row, column);
    case Qt::ToolTipRole:
      return column == Name ? row.name : QString();
    case Qt::TextAlignmentRole:
      return QVariant((column >= First ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      if (column == State && m_grouping == Grouping::Module) {
        const ModuleState state = m_document.moduleState(row.module);
        if (state == ModuleState::Success || state == ModuleState::Covered) return theme().success;
        return state == ModuleState::Failed ? theme().error : theme().mutedText;
      }
      if (column == Change && m_sides.size() > 1 && std::abs(change(row)) > 0.02)
        return change(row) < 0 ? theme().success : theme().error;
      return {};
    case ModuleRole:
      return row.module.valid() ? static_cast<int>(row.module.index) : -1;
    case SortRole:
      return sortKey(row, column);
    case BarRole:
      return column == Share && row.share >= 0 ? QVariant(std::min(row.share, 1.0)) : QVariant();
    default:
      return {};
  }
}

QVariant StatisticsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr const char* titles[ColumnCount] = {"",
                                                      QT_TR_NOOP("Class"),
                                                      QT_TR_NOOP("State"),
                                                      QT_TR_NOOP("Precision"),
                                                      "",
                                                      "",
                                                      QT_TR_NOOP("Change"),
                                                      QT_TR_NOOP("Self"),
                                                      QT_TR_NOOP("Share"),
                                                      QT_TR_NOOP("Calls"),
                                                      QT_TR_NOOP("Rate")};
  static constexpr const char* tips[ColumnCount] = {
      QT_TR_NOOP("Click to select it in all views"),
      QT_TR_NOOP("Class of the module"),
      QT_TR_NOOP("What became of the module in the conversion"),
      QT_TR_NOOP("Precision of the engine it runs in; empty where it runs eagerly"),
      QT_TR_NOOP("Time of one run in its operators, those of modules under it included"),
      QT_TR_NOOP("Time of one run in its operators, those of modules under it included"),
      QT_TR_NOOP("How the time changed. Fused steps belong to the deepest module common to their operators, "
                 "so time can move to a module above"),
      QT_TR_NOOP("Time of one run in operators it owns itself, in the last recording"),
      QT_TR_NOOP("Of the time of all operators, in the last recording"),
      QT_TR_NOOP("Slices in one run, in the last recording"),
      QT_TR_NOOP("Theoretical floating point operations by self time, in the last recording")};
  if (role == Qt::DisplayRole) {
    if (section == Name)
      return m_grouping == Grouping::Module  ? tr("Module")
             : m_grouping == Grouping::Class ? tr("Class")
                                             : tr("Operator");
    if (section == First) return m_sides.empty() ? tr("Time") : m_sides[0].label;
    if (section == Second) return m_sides.size() > 1 ? m_sides[1].label : QString();
    return tr(titles[section]);
  }
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  if (role == Qt::TextAlignmentRole)
    return QVariant((section >= First ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
