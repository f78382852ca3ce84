// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/distribution_chart.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr int laneHeight = 72, captionHeight = 18, axisHeight = 22, side = 12;

/// 1, 2 or 5 times a power of ten, so that about `count` of them cover `range`.
double niceStep(double range, int count) {
  const double raw = std::max(range / count, 1e-9);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

}  // namespace

DistributionChart::DistributionChart(QWidget* parent) : QWidget(parent) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void DistributionChart::setSeries(std::vector<Series> series) {
  m_series = std::move(series);
  std::erase_if(m_series, [](const Series& each) { return each.distribution.count == 0; });
  // From zero on, so that lengths compare; a far outlier is left at the edge.
  m_low = 0;
  m_high = 1;
  for (const Series& each : m_series)
    m_high = std::max(m_high, std::min(each.distribution.max, 3 * each.distribution.p90));
  m_step = niceStep(m_high - m_low, 6);
  m_high = std::ceil(m_high / m_step) * m_step;
  updateGeometry();
  update();
}

QSize DistributionChart::sizeHint() const {
  return {420, static_cast<int>(m_series.size()) * laneHeight + axisHeight};
}

QRectF DistributionChart::lane(size_t i) const {
  return {static_cast<double>(side), static_cast<double>(i) * laneHeight,
          static_cast<double>(std::max(1, width() - 2 * side)), laneHeight};
}

double DistributionChart::x(double ns) const {
  return side + std::clamp((ns - m_low) / (m_high - m_low), 0.0, 1.0) * std::max(1, width() - 2 * side);
}

void DistributionChart::paintLane(QPainter& painter, size_t i) const {
  const Theme& t = theme();
  const Series& series = m_series[i];
  const Distribution& d = series.distribution;
  const QRectF area = lane(i);
  const double bottom = area.bottom() - 8, top = area.top() + captionHeight + 4;
  const QColor color = t.categories[static_cast<size_t>(series.color) % t.categories.size()];
  size_t highest = 0;
  for (const size_t count : d.histogram.counts) highest = std::max(highest, count);
  if (highest > 0 && d.histogram.width > 0) {
    for (size_t bin = 0; bin < d.histogram.counts.size(); ++bin) {
      const double left = x(d.histogram.low + static_cast<double>(bin) * d.histogram.width);
      const double right = x(d.histogram.low + static_cast<double>(bin + 1) * d.histogram.width);
      const double height =
          (bottom - top) * static_cast<double>(d.histogram.counts[bin]) / static_cast<double>(highest);
      painter.fillRect(QRectF(left, bottom - height, std::max(1.5, right - left - 0.5), height), color);
    }
  } else {
    // A conversion read back has percentiles only: whiskers from min to max, a box up to p90.
    const double middle = (top + bottom) / 2;
    painter.setPen(QPen(color, 2));
    painter.drawLine(QPointF(x(d.min), middle), QPointF(x(d.max), middle));
    painter.fillRect(QRectF(x(d.min), middle - 8, std::max(3.0, x(d.p90) - x(d.min)), 16), color);
  }
  painter.setPen(QPen(t.text, 1.5));
  painter.drawLine(QPointF(x(d.p50), top - 3), QPointF(x(d.p50), bottom));
  painter.setPen(t.text);
  painter.drawText(QRectF(area.left(), area.top(), area.width(), captionHeight),
                   Qt::AlignLeft | Qt::AlignVCenter, series.label);
  painter.setPen(t.mutedText);
  painter.drawText(QRectF(area.left(), area.top(), area.width(), captionHeight),
                   Qt::AlignRight | Qt::AlignVCenter,
                   tr("p50 %1   p90 %2   p99 %3   %4 runs")
                       .arg(formatDuration(d.p50), formatDuration(d.p90), formatDuration(d.p99))
                       .arg(d.count));
}

void DistributionChart::paintAxis(QPainter& painter) const {
  const Theme& t = theme();
  const double top = static_cast<double>(m_series.size()) * laneHeight - 8;
  for (double tick = m_low; tick <= m_high + m_step / 2; tick += m_step) {
    painter.setPen(t.grid);
    painter.drawLine(QPointF(x(tick), captionHeight), QPointF(x(tick), top));
    painter.setPen(t.mutedText);
    const QRectF text(x(tick) - 40, top + 3, 80, axisHeight);
    const bool first = tick == m_low, last = tick + m_step > m_high + m_step / 2;
    painter.drawText(first  ? text.translated(40, 0)
                     : last ? text.translated(-40, 0)
                            : text,
                     static_cast<int>(Qt::AlignTop | (first  ? Qt::AlignLeft
                                                      : last ? Qt::AlignRight
                                                             : Qt::AlignHCenter)),
                     formatDuration(tick));
  }
  painter.setPen(t.border);
  painter.drawLine(QPointF(side, top), QPointF(width() - side, top));
}

void DistributionChart::paintEvent(QPaintEvent*) {
  if (m_series.empty()) return;
  QPainter painter(this);
  paintAxis(painter);
  for (size_t i = 0; i < m_series.size(); ++i) paintLane(painter, i);
}

bool DistributionChart::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  for (size_t i = 0; i < m_series.size(); ++i) {
    if (!lane(i).contains(help->pos())) continue;
    const Distribution& d = m_series[i].distribution;
    QToolTip::showText(
        help->globalPos(),
        tr("%1, timed with recording off, %2 runs\nmin %3, mean %4 ± %5, max %6\nThe line is the "
           "median (p50); nine runs in ten took at most p90")
            .arg(m_series[i].label)
            .arg(d.count)
            .arg(formatDuration(d.min), formatDuration(d.mean), formatDuration(d.deviation),
                 formatDuration(d.max)),
        this);
    return true;
  }
  QToolTip::hideText();
  return true;
}

}  // namespace lathe
