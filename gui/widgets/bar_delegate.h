// SPDX-License-Identifier: Apache-2.0
// Cells with a bar behind their text: times, progress.
#pragma once

#include <QStyledItemDelegate>

namespace lathe {

/// The bar's length is a double 0..1 of `barRole`; without one the cell is drawn as any other. `partRole`, if
/// not -1, gives the part of it (0..1 of the whole cell) that is drawn solid.
class BarDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  explicit BarDelegate(int barRole, int partRole = -1, QObject* parent = nullptr)
      : QStyledItemDelegate(parent), m_barRole(barRole), m_partRole(partRole) {}

  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 private:
  int m_barRole, m_partRole;
};

}  // namespace lathe
