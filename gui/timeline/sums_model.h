// SPDX-License-Identifier: Apache-2.0
// The table of sums below the timeline.
#pragma once

#include <QAbstractTableModel>
#include <QColor>
#include <QStyledItemDelegate>
#include <vector>

#include "gui/timeline/slice_sums.h"

namespace lathe {

class SumsModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Name, Kind, Calls, Time, Mean, Share, ColumnCount };
  static constexpr int SortRole = Qt::UserRole;  ///< the value itself, to sort by
  using QAbstractTableModel::QAbstractTableModel;

  /// `colors`: one for each row, of its slices.
  void set(SliceSums sums, std::vector<QColor> colors = {});
  const SliceSum& at(int row) const { return m_sums[static_cast<size_t>(row)]; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  SliceSums m_sums;
  std::vector<QColor> m_colors;
};

/// A share as a bar behind its number.
class ShareDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace lathe
