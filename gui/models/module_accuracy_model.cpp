// SPDX-License-Identifier: Apache-2.0
#include "gui/models/module_accuracy_model.h"

#include "engine/tensor/compare.h"
#include "gui/widgets/theme.h"

namespace lathe {

QString decibelText(double db) {
  if (db >= snr_cap_db) return ModuleAccuracyModel::tr("same");
  if (db <= -snr_cap_db) return ModuleAccuracyModel::tr("no match");
  return ModuleAccuracyModel::tr("%1 dB").arg(db, 0, 'f', 1);
}

ModuleAccuracyModel::ModuleAccuracyModel(const Document& document, QObject* parent)
    : QAbstractTableModel(parent), m_document(document) {
  connect(&document, &Document::conversionChanged, this, &ModuleAccuracyModel::rebuild);
  connect(&document, &Document::modelChanged, this, &ModuleAccuracyModel::rebuild);
  rebuild();
}

void ModuleAccuracyModel::rebuild() {
  beginResetModel();
  m_report = m_document.conversion();
  m_modules.clear();
  if (m_report)
    for (const BorderAccuracy& border : m_report->module_accuracy.borders)
      m_modules.push_back(m_document.model() != nullptr
                              ? m_document.model()->modules.find(border.module).value_or(ModuleId())
                              : ModuleId());
  endResetModel();
}

QModelIndex ModuleAccuracyModel::notable() const {
  if (m_modules.empty()) return {};
  const ModuleAccuracy& accuracy = m_report->module_accuracy;
  const auto row = accuracy.first_wrong ? accuracy.first_wrong : accuracy.steepest;
  return row ? index(static_cast<int>(*row), Module) : QModelIndex();
}

QModelIndex ModuleAccuracyModel::indexOf(ModuleId module) const {
  for (size_t i = 0; module.valid() && i < m_modules.size(); ++i)
    if (m_modules[i] == module) return index(static_cast<int>(i), Module);
  return {};
}

int ModuleAccuracyModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_modules.size());
}

int ModuleAccuracyModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

QString ModuleAccuracyModel::mark(size_t row) const {
  const ModuleAccuracy& accuracy = m_report->module_accuracy;
  if (accuracy.first_wrong == row) return tr("It first goes wrong here.");
  return accuracy.steepest == row ? tr("Most is lost inside this module.") : QString();
}

QString ModuleAccuracyModel::text(const BorderAccuracy& border, size_t row, int column) const {
  switch (column) {
    case Module: {
      const QString name = border.module.empty() ? m_document.title() : QString::fromStdString(border.module);
      return mark(row).isEmpty() ? name : QStringLiteral("▸ ") + name;
    }
    case Tensor:
      return QString::fromStdString(border.tensor);
    case Entering:
      return decibelText(border.entering_db);
    case Leaving:
      return decibelText(border.snr_db);
    case Lost:
      return border.entering_db >= snr_cap_db || border.lost_db() < 0.05 ? QString()
                                                                         : decibelText(border.lost_db());
    case Cosine:
      return QString::number(border.cosine, 'f', 6);
    case Largest:
      return QString::number(border.max_abs, 'g', 4);
  }
  return {};
}

QVariant ModuleAccuracyModel::number(const BorderAccuracy& border, int column) {
  switch (column) {
    case Entering:
      return border.entering_db;
    case Leaving:
      return border.snr_db;
    case Lost:  // what comes from the inputs has not been right before
      return border.entering_db >= snr_cap_db ? 0 : border.lost_db();
    case Cosine:
      return border.cosine;
    case Largest:
      return border.max_abs;
    default:
      return {};
  }
}

QVariant ModuleAccuracyModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const auto row = static_cast<size_t>(index.row());
  const BorderAccuracy& border = m_report->module_accuracy.borders[row];
  const int column = index.column();
  const bool wrong = border.snr_db < wrong_db;
  switch (role) {
    case Qt::DisplayRole:
      return text(border, row, column);
    case Qt::ToolTipRole:
      return column == Module && !mark(row).isEmpty() ? mark(row) : text(border, row, column);
    case Qt::TextAlignmentRole:
      return QVariant((column >= Entering ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      return column == Leaving && wrong ? QVariant(theme().error) : QVariant();
    case ModuleRole:
      return m_modules[row].valid() ? static_cast<int>(m_modules[row].index) : -1;
    case SortRole: {
      // The names' column sorts by execution.
      if (column == Module) return index.row();
      const QVariant sorted = number(border, column);
      return sorted.isValid() ? sorted : text(border, row, column);
    }
    case WrongRole:
      return wrong;
    default:
      return {};
  }
}

QVariant ModuleAccuracyModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  static constexpr const char* titles[ColumnCount] = {
      QT_TR_NOOP("Module"), QT_TR_NOOP("Tensor"), QT_TR_NOOP("Entering"),     QT_TR_NOOP("Leaving"),
      QT_TR_NOOP("Lost"),   QT_TR_NOOP("Cosine"), QT_TR_NOOP("Largest error")};
  static constexpr const char* tips[ColumnCount] = {
      QT_TR_NOOP("In order of execution; click to select it in all views"),
      QT_TR_NOOP("That leaves the module"),
      QT_TR_NOOP("Signal to noise of what flows into the module, beside the same run in fp32"),
      QT_TR_NOOP("Signal to noise of the tensor that leaves it; red where it counts as wrong"),
      QT_TR_NOOP("Inside the module"),
      QT_TR_NOOP("Of the angle between the tensor and the one in fp32; 1 is the same direction"),
      QT_TR_NOOP("Largest difference of an element from fp32")};
  if (role == Qt::DisplayRole) return tr(titles[section]);
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  if (role == Qt::TextAlignmentRole)
    return QVariant((section >= Entering ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
