// SPDX-License-Identifier: Apache-2.0
#include "gui/views/module_delegate.h"

#include <QPainter>

#include "gui/models/module_tree_model.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr int markSize = 12;

/// A tick, a cross, ..: told apart by form as well as by colour.
void drawMark(QPainter& painter, ModuleState state, const QColor& color) {
  painter.setPen(QPen(color, 1.8, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  switch (state) {
    case ModuleState::Success:
    case ModuleState::Covered:
      painter.drawPolyline(QPolygonF{{2.5, 6.5}, {5, 9}, {9.5, 3.5}});
      break;
    case ModuleState::Failed:
      painter.drawLine(QPointF(3, 3), QPointF(9, 9));
      painter.drawLine(QPointF(9, 3), QPointF(3, 9));
      break;
    case ModuleState::Ignored:
      painter.drawLine(QPointF(3, 6), QPointF(9, 6));
      break;
    case ModuleState::Trying:
      painter.drawArc(QRectF(2.5, 2.5, 7, 7), 90 * 16, -270 * 16);
      break;
    case ModuleState::None:
      break;
  }
}

/// Mark and swatch side by side; each only where there is one, so that trees without them stay narrow.
QPixmap decoration(ModuleState state, const QColor& mark, const QColor& swatch, qreal ratio) {
  const bool marked = state != ModuleState::None;
  const int width = (marked ? markSize + 2 : 0) + (swatch.isValid() ? 10 : 0);
  if (width == 0) return {};
  QPixmap pixmap(QSizeF(width * ratio, markSize * ratio).toSize());
  pixmap.setDevicePixelRatio(ratio);
  pixmap.fill(Qt::transparent);
  QPainter painter(&pixmap);
  painter.setRenderHint(QPainter::Antialiasing);
  if (marked) drawMark(painter, state, mark);
  if (swatch.isValid()) {
    // Outlined, so that it stands out on the selection too.
    painter.setPen(QPen(theme().surface, 1));
    painter.setBrush(swatch);
    painter.drawRoundedRect(QRectF(width - 9.5, 1.5, 9, 9), 2, 2);
  }
  return pixmap;
}

}  // namespace

QColor stateColor(ModuleState state) {
  switch (state) {
    case ModuleState::Success:
      return theme().success;
    case ModuleState::Covered: {
      QColor color = theme().success;
      color.setAlphaF(0.55F);
      return color;
    }
    case ModuleState::Failed:
      return theme().error;
    case ModuleState::Trying:
      return theme().accent;
    case ModuleState::Ignored:
    case ModuleState::None:
      break;
  }
  return theme().mutedText;
}

void ModuleDelegate::initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const {
  QStyledItemDelegate::initStyleOption(option, index);
  const auto state = static_cast<ModuleState>(index.data(ModuleTreeModel::StateRole).toInt());
  if (index.column() == ModuleTreeModel::State) {
    option->palette.setColor(QPalette::Text,
                             state == ModuleState::Covered ? theme().mutedText : stateColor(state));
    return;
  }
  if (state == ModuleState::Ignored) option->palette.setColor(QPalette::Text, theme().mutedText);
  const qreal ratio = option->widget != nullptr ? option->widget->devicePixelRatioF() : 1.0;
  // A red cross cannot be seen on the selection's blue.
  const QColor mark = option->state & QStyle::State_Selected ? theme().accentText : stateColor(state);
  const QPixmap pixmap =
      decoration(state, mark, index.data(ModuleTreeModel::ColorRole).value<QColor>(), ratio);
  if (pixmap.isNull()) return;
  option->features |= QStyleOptionViewItem::HasDecoration;
  option->decorationSize = pixmap.deviceIndependentSize().toSize();
  option->icon = QIcon(pixmap);
  option->icon.addPixmap(pixmap, QIcon::Selected);  // or the style tints it
}

}  // namespace lathe
