// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/window_style.h"

#include <QPainter>
#include <QStyleFactory>
#include <QStyleOption>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

/// A box with a tick, or a bar where it is neither on nor off.
void drawCheckBox(const QStyleOption& option, QPainter& painter) {
  const Theme& t = theme();
  const bool enabled = (option.state & QStyle::State_Enabled) != 0;
  const bool marked = (option.state & (QStyle::State_On | QStyle::State_NoChange)) != 0;
  const bool pointed = (option.state & (QStyle::State_MouseOver | QStyle::State_HasFocus)) != 0;
  const double side = std::min({option.rect.width(), option.rect.height(), 15}) - 1;
  QRectF box(0, 0, side, side);
  box.moveCenter(QRectF(option.rect).center());
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  const QColor frame = !enabled ? t.disabledText : marked || pointed ? t.accent : t.mutedText;
  painter.setPen(QPen(frame, 1));
  painter.setBrush(marked ? frame : t.surface);
  painter.drawRoundedRect(box, 3, 3);
  painter.setPen(QPen(t.accentText, side / 8, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  painter.setBrush(Qt::NoBrush);
  const auto at = [&](double x, double y) { return box.topLeft() + QPointF(x * side, y * side); };
  if ((option.state & QStyle::State_On) != 0)
    painter.drawPolyline(QPolygonF({at(0.24, 0.53), at(0.43, 0.72), at(0.77, 0.3)}));
  else if (marked)
    painter.drawLine(at(0.27, 0.5), at(0.73, 0.5));
  painter.restore();
}

}  // namespace

WindowStyle::WindowStyle() : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))) {}

void WindowStyle::drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                                const QWidget* widget) const {
  if (element == PE_IndicatorCheckBox || element == PE_IndicatorItemViewItemCheck)
    return drawCheckBox(*option, *painter);
  QProxyStyle::drawPrimitive(element, option, painter, widget);
}

}  // namespace lathe
