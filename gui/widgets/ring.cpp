// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/ring.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "gui/widgets/theme.h"

namespace lathe {

Ring::Ring(QWidget* parent) : QWidget(parent) {
  setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void Ring::setCounts(int converted, int failed, int keptEager) {
  m_converted = converted;
  m_failed = failed;
  m_keptEager = keptEager;
  setToolTip(tr("%1 modules run in engines, %2 failed, %3 were kept eager")
                 .arg(converted)
                 .arg(failed)
                 .arg(keptEager));
  update();
}

void Ring::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const double width = std::max(6.0, std::min(this->width(), height()) * 0.13);
  const double side = std::min(this->width(), height()) - width - 1;
  const QRectF circle((this->width() - side) / 2, (height() - side) / 2, side, side);
  const Theme& t = theme();
  painter.setPen(QPen(t.grid, width));
  painter.drawEllipse(circle);
  const int total = m_converted + m_failed + m_keptEager;
  if (total == 0) return;
  // Qt counts sixteenths of a degree, counter-clockwise from three o'clock; the ring starts at the top.
  double at = 90 * 16;
  for (const auto& [count, color] :
       {std::pair(m_converted, t.success), std::pair(m_failed, t.error), std::pair(m_keptEager, t.neutral)}) {
    const double span = -360.0 * 16 * count / total;
    painter.setPen(QPen(color, width, Qt::SolidLine, Qt::FlatCap));
    if (count > 0)
      painter.drawArc(circle, static_cast<int>(std::lround(at)), static_cast<int>(std::lround(span)));
    at += span;
  }
  // Rounded down: 100 % is said only of all.
  const int percent = 100 * m_converted / total;
  QFont bold = font();
  bold.setWeight(QFont::DemiBold);
  painter.setFont(bold);
  painter.setPen(t.text);
  painter.drawText(rect(), Qt::AlignCenter, tr("%1 %").arg(percent));
}

}  // namespace lathe
