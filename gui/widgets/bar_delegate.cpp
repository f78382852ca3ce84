// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/bar_delegate.h"

#include <QApplication>
#include <QPainter>
#include <algorithm>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr int barHeight = 4;

void drawBar(QPainter& painter, QRect area, double share, const QColor& color) {
  if (share <= 0) return;
  area.setWidth(std::max(1, static_cast<int>(area.width() * std::min(share, 1.0))));
  painter.fillRect(area, color);
}

}  // namespace

void BarDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                        const QModelIndex& index) const {
  QStyledItemDelegate::paint(painter, option, index);
  const QVariant bar = index.data(m_barRole);
  if (!bar.isValid() || bar.toDouble() < 0) return;
  const bool selected = option.state & QStyle::State_Selected;
  QColor solid = selected ? theme().accentText : theme().accent;
  QColor pale = solid;
  pale.setAlphaF(m_partRole < 0 ? 1.0F : 0.35F);
  // Under the text, at the bottom of the cell, so that numbers stay readable and bars of rows line up.
  const QRect area(option.rect.left() + 4, option.rect.bottom() - barHeight, option.rect.width() - 8,
                   barHeight - 1);
  QColor track = theme().grid;
  if (!selected) painter->fillRect(area, track);
  drawBar(*painter, area, bar.toDouble(), pale);
  if (m_partRole >= 0) drawBar(*painter, area, index.data(m_partRole).toDouble(), solid);
}

QSize BarDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
  QSize size = QStyledItemDelegate::sizeHint(option, index);
  size.rheight() += 2;
  return size;
}

}  // namespace lathe
