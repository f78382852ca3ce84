// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_legend.h"

#include <QEvent>
#include <QPainter>
#include <algorithm>

#include "gui/graph_view/graph_painter.h"
#include "gui/graph_view/graph_view.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr int margin = 12, padding = 8, chip = 10, row = 17;

QFont smallFont() {
  QFont font;
  font.setPixelSize(11);
  return font;
}

}  // namespace

GraphLegend::GraphLegend(GraphView& view, std::function<QString()> nothing)
    : QWidget(&view), m_view(view), m_nothing(std::move(nothing)) {
  setObjectName(QStringLiteral("graphLegend"));
  setAttribute(Qt::WA_TransparentForMouseEvents);
  view.installEventFilter(this);
  connect(&view, &GraphView::sceneChanged, this, &GraphLegend::arrange);
  arrange();
}

bool GraphLegend::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize) arrange();
  return QWidget::eventFilter(watched, event);
}

void GraphLegend::arrange() {
  if (!m_view.scene()) return hide();
  m_entries = m_view.colors().legend;
  if (m_entries.empty() && !m_nothing().isEmpty()) m_entries.emplace_back(m_nothing(), QColor());
  const QFontMetrics metrics(smallFont());
  int width = 0;
  for (const auto& [text, color] : m_entries)
    width = std::max(width, metrics.horizontalAdvance(text) + (color.isValid() ? chip + 6 : 0));
  const QSize size(width + 2 * padding, static_cast<int>(m_entries.size()) * row + padding);
  setVisible(!m_entries.empty() && m_view.height() > 2 * size.height() && m_view.width() > 2 * size.width());
  setGeometry(margin, m_view.height() - size.height() - margin, size.width(), size.height());
  update();
}

void GraphLegend::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  QColor back = theme().surface;
  back.setAlpha(225);
  painter.setPen(theme().border);
  painter.setBrush(back);
  painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
  painter.setFont(smallFont());
  int y = padding / 2;
  for (const auto& [text, color] : m_entries) {
    int x = padding;
    if (color.isValid()) {
      painter.setPen(Qt::NoPen);
      painter.setBrush(color);
      painter.drawRoundedRect(QRectF(x, y + (row - chip) / 2.0, chip, chip), 2, 2);
      x += chip + 6;
    }
    painter.setPen(theme().text);
    painter.drawText(QRect(x, y, width() - x, row), Qt::AlignVCenter | Qt::AlignLeft, text);
    y += row;
  }
}

}  // namespace lathe
