// SPDX-License-Identifier: Apache-2.0
// Times of one run by module, class or operator, of one recording or of two side by side.
#pragma once

#include <QAbstractTableModel>
#include <memory>
#include <vector>

#include "gui/document/document.h"

namespace lathe {

/// Sort it through a QSortFilterProxyModel with SortRole. Follows the document for state and precision only;
/// the recordings are handed in.
class StatisticsModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum class Grouping { Module, Class, Operator };
  enum Column { Name, Class, State, Precision, First, Second, Change, Self, Share, Calls, Rate, ColumnCount };
  enum Role {
    ModuleRole = Qt::UserRole,  ///< int: ModuleId::index of the module, or the first of a class; -1: none
    SortRole,
    BarRole,  ///< double 0..1 for Share; invalid elsewhere
  };
  struct Side {
    QString label;  ///< heads its column
    std::shared_ptr<const Statistics> statistics;
  };

  explicit StatisticsModel(const Document& document, QObject* parent = nullptr);

  /// One side: Second and Change stay empty. Self, Share, Calls and Rate are of the last one.
  void setSides(std::vector<Side> sides);
  size_t sideCount() const { return m_sides.size(); }
  void setGrouping(Grouping grouping);
  Grouping grouping() const { return m_grouping; }
  /// Invalid unless grouped by module.
  QModelIndex indexOf(ModuleId module) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  /// Nanoseconds of one run; -1: not in that recording.
  struct Row {
    QString name, className;
    ModuleId module;
    double time[2] = {-1, -1};
    double self = -1, share = -1, calls = 0, flopRate = 0;
  };
  void rebuild();
  void addSide(size_t side);
  QVariant text(const Row& row, int column) const;
  QVariant sortKey(const Row& row, int column) const;
  QString stateText(ModuleId module) const;
  QString precisionText(ModuleId module) const;
  double change(const Row& row) const;

  const Document& m_document;
  std::vector<Side> m_sides;
  Grouping m_grouping = Grouping::Module;
  std::vector<Row> m_rows;
};

}  // namespace lathe
