// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/histogram_view.h"

#include <QEvent>
#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {

HistogramView::HistogramView(QWidget* parent, std::function<QString(double)> text)
    : QWidget(parent), m_text(text ? std::move(text) : std::function<QString(double)>(formatReal)) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void HistogramView::setData(HistogramData data) {
  m_data = std::move(data);
  m_largest = m_data.counts.empty() ? 0 : *std::max_element(m_data.counts.begin(), m_data.counts.end());
  const double all = std::accumulate(m_data.counts.begin(), m_data.counts.end(), 0.0);
  setAccessibleName(m_data.counts.empty() ? tr("Histogram without data")
                                          : tr("Histogram of %1 values from %2 to %3")
                                                .arg(formatCount(static_cast<int64_t>(all)),
                                                     m_text(m_data.low), m_text(m_data.high)));
  update();
}

void HistogramView::setLogarithmic(bool logarithmic) {
  m_logarithmic = logarithmic;
  update();
}

double HistogramView::relativeHeight(double count) const {
  if (count <= 0 || m_largest <= 0) return 0;
  return m_logarithmic ? std::log1p(count) / std::log1p(m_largest) : count / m_largest;
}

QRectF HistogramView::plotArea() const {
  const int axis = fontMetrics().height() + 4;
  return QRectF(rect()).adjusted(1, 4, -1, -axis);
}

QRectF HistogramView::bar(size_t bin) const {
  const QRectF plot = plotArea();
  const double width = plot.width() / static_cast<double>(m_data.counts.size());
  // At least two pixels for whatever is not empty: a single outlier matters.
  const double count = m_data.counts[bin];
  const double tall = count > 0 ? std::max(2.0, relativeHeight(count) * plot.height()) : 0;
  return {plot.left() + width * static_cast<double>(bin), plot.bottom() - tall, width, tall};
}

void HistogramView::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const QRectF plot = plotArea();
  const size_t bins = m_data.counts.size();
  if (bins == 0) {
    painter.setPen(theme().mutedText);
    painter.drawText(rect(), Qt::AlignCenter, tr("No values"));
    return;
  }
  painter.fillRect(QRectF(plot.left(), plot.bottom(), plot.width(), 1), theme().border);
  const double gap = plot.width() / static_cast<double>(bins) > 4 ? 1 : 0;
  for (size_t i = 0; i < bins; ++i) painter.fillRect(bar(i).adjusted(0, 0, -gap, 0), theme().categories[0]);

  const double span = m_data.high - m_data.low;
  if (m_data.low < 0 && m_data.high > 0) {
    const double zero = plot.left() + plot.width() * (-m_data.low / span);
    painter.setPen(QPen(theme().mutedText, 1, Qt::DotLine));
    painter.drawLine(QPointF(zero, plot.top()), QPointF(zero, plot.bottom()));
  }
  painter.setPen(theme().mutedText);
  const QRectF axis(plot.left(), plot.bottom() + 2, plot.width(), height() - plot.bottom() - 2);
  painter.drawText(axis, Qt::AlignLeft | Qt::AlignTop, m_text(m_data.low));
  painter.drawText(axis, Qt::AlignRight | Qt::AlignTop, m_text(m_data.high));
}

int HistogramView::binAt(const QPointF& position) const {
  const QRectF plot = plotArea();
  if (m_data.counts.empty() || position.x() < plot.left() || position.x() >= plot.right()) return -1;
  const auto bins = static_cast<double>(m_data.counts.size());
  return std::min(static_cast<int>((position.x() - plot.left()) / plot.width() * bins),
                  static_cast<int>(bins) - 1);
}

bool HistogramView::event(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) update();
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const int bin = binAt(help->pos());
  if (bin < 0) {
    QToolTip::hideText();
    return true;
  }
  const double width = (m_data.high - m_data.low) / static_cast<double>(m_data.counts.size());
  const double from = m_data.low + width * bin;
  QToolTip::showText(help->globalPos(),
                     tr("%1 to %2: %3")
                         .arg(m_text(from), m_text(from + width),
                              formatCount(static_cast<int64_t>(m_data.counts[static_cast<size_t>(bin)]))),
                     this);
  return true;
}

}  // namespace lathe
