// SPDX-License-Identifier: Apache-2.0
// Accuracy by module: a row for each tensor that leaves a module, in order of execution.
#pragma once

#include <QAbstractTableModel>

#include "gui/document/document.h"

namespace lathe {

/// Of the document's conversion; empty where it lowered no precision. Sort it through a QSortFilterProxyModel
/// with SortRole.
class ModuleAccuracyModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Module, Tensor, Entering, Leaving, Lost, Cosine, Largest, ColumnCount };
  enum Role {
    ModuleRole = Qt::UserRole,  ///< int: ModuleId::index; -1 where the model has no such module
    SortRole,
    WrongRole,  ///< bool: under what counts as right
  };

  explicit ModuleAccuracyModel(const Document& document, QObject* parent = nullptr);

  /// Where it first goes wrong, else where most is lost; invalid without rows.
  QModelIndex notable() const;
  /// The first border of a module; invalid where it has none.
  QModelIndex indexOf(ModuleId module) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  void rebuild();
  QString text(const BorderAccuracy& border, size_t row, int column) const;
  static QVariant number(const BorderAccuracy& border, int column);
  QString mark(size_t row) const;

  const Document& m_document;
  std::shared_ptr<const ConvertReport> m_report;  ///< rows are of it until the model is reset
  std::vector<ModuleId> m_modules;                ///< by row
};

/// "34.2 dB", "same" or "no match".
QString decibelText(double db);

}  // namespace lathe
