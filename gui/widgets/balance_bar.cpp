// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/balance_bar.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr int rowHeight = 34, barHeight = 20, legendHeight = 24, labelWidth = 64, valueWidth = 84;

/// Each part keeps its colour, whatever parts a row has.
int colorOf(const std::string& part) {
  if (part == balance_part::engine_steps) return 2;
  if (part == balance_part::eager_operators) return 0;
  if (part == balance_part::boundary_copies) return 1;
  return 5;
}

QString titleOf(const std::string& part) {
  if (part == balance_part::engine_steps) return BalanceBar::tr("engine steps");
  if (part == balance_part::eager_operators) return BalanceBar::tr("eager operators");
  if (part == balance_part::boundary_copies) return BalanceBar::tr("copies at engine borders");
  if (part == balance_part::runtime) return BalanceBar::tr("runtime");
  return QString::fromStdString(part);
}

void fillSegment(QPainter& painter, const QRectF& rect, int color) {
  if (color >= 0) return painter.fillRect(rect, theme().categories[static_cast<size_t>(color)]);
  painter.fillRect(rect, theme().grid);
  painter.fillRect(rect, QBrush(theme().mutedText, Qt::BDiagPattern));
}

}  // namespace

BalanceBar::BalanceBar(QWidget* parent) : QWidget(parent) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void BalanceBar::setRows(std::vector<Row> rows) {
  m_rows = std::move(rows);
  QStringList said;
  for (const Row& row : m_rows)
    said << tr("%1: %2, of these unexplained %3")
                .arg(row.label, formatDuration(row.balance.latency_ns),
                     formatDuration(row.balance.unexplained_ns()));
  setAccessibleDescription(said.join(QStringLiteral("; ")));
  updateGeometry();
  update();
}

QSize BalanceBar::sizeHint() const {
  return {600, static_cast<int>(m_rows.size()) * rowHeight + legendHeight};
}

double BalanceBar::longest() const {
  double longest = 1;
  for (const Row& row : m_rows)
    longest = std::max({longest, row.balance.latency_ns, row.balance.explained_ns()});
  return longest;
}

double BalanceBar::pixels(double ns) const {
  return ns / longest() * std::max(1, width() - labelWidth - valueWidth);
}

QRectF BalanceBar::bar(size_t row) const {
  return {static_cast<double>(labelWidth),
          static_cast<double>(row) * rowHeight + (rowHeight - barHeight) / 2.0,
          static_cast<double>(std::max(1, width() - labelWidth - valueWidth)), barHeight};
}

std::vector<BalanceBar::Segment> BalanceBar::segments(size_t row) const {
  std::vector<Segment> made;
  const TimeBalance& balance = m_rows[row].balance;
  const QRectF area = bar(row);
  double at = area.left();
  const auto add = [&](Segment segment) {
    const double length = pixels(std::max(segment.ns, 0.0));
    segment.rect = {at, area.top(), length, area.height()};
    at += length;
    made.push_back(std::move(segment));
  };
  for (const TimeBalance::Part& part : balance.parts)
    if (part.ns > 0) add({titleOf(part.name), part.ns, colorOf(part.name), {}, part.slices});
  if (balance.unexplained_ns() > 0) add({tr("unexplained"), balance.unexplained_ns(), -1, {}, 0});
  return made;
}

void BalanceBar::paintRow(QPainter& painter, size_t row) const {
  const Theme& t = theme();
  const QRectF area = bar(row);
  const TimeBalance& balance = m_rows[row].balance;
  painter.setPen(t.text);
  painter.drawText(QRectF(0, area.top(), labelWidth - 8, area.height()), Qt::AlignLeft | Qt::AlignVCenter,
                   m_rows[row].label);
  for (const Segment& segment : segments(row)) {
    fillSegment(painter, segment.rect, segment.color);
    const QString text = formatDuration(segment.ns);
    if (segment.color < 0 || painter.fontMetrics().horizontalAdvance(text) + 10 > segment.rect.width())
      continue;
    painter.setPen(Theme::textOn(t.categories[static_cast<size_t>(segment.color)]));
    painter.drawText(segment.rect, Qt::AlignCenter, text);
  }
  const double end = area.left() + pixels(balance.latency_ns);
  // Recorded parts longer than the latency: recording slowed the run; the mark shows where it ends without.
  if (balance.unexplained_ns() < 0) {
    painter.setPen(QPen(t.text, 2));
    painter.drawLine(QPointF(end, area.top() - 4), QPointF(end, area.bottom() + 4));
  }
  painter.setPen(t.text);
  const double right = area.left() + pixels(std::max(balance.latency_ns, balance.explained_ns()));
  painter.drawText(QRectF(right + 8, area.top(), valueWidth, area.height()), Qt::AlignLeft | Qt::AlignVCenter,
                   formatDuration(balance.latency_ns));
}

void BalanceBar::paintLegend(QPainter& painter) const {
  std::vector<std::pair<QString, int>> entries;
  for (size_t row = 0; row < m_rows.size(); ++row)
    for (const Segment& segment : segments(row)) {
      const std::pair<QString, int> entry(segment.name, segment.color);
      if (std::find(entries.begin(), entries.end(), entry) == entries.end()) entries.push_back(entry);
    }
  // The remainder stands last, however the rows order it.
  std::stable_partition(entries.begin(), entries.end(), [](const auto& entry) { return entry.second >= 0; });
  double at = labelWidth;
  const double top = static_cast<double>(m_rows.size()) * rowHeight;
  for (const auto& [name, color] : entries) {
    fillSegment(painter, {at, top + 7, 10, 10}, color);
    painter.setPen(theme().mutedText);
    const double textWidth = painter.fontMetrics().horizontalAdvance(name);
    painter.drawText(QRectF(at + 15, top, textWidth + 4, legendHeight), Qt::AlignVCenter, name);
    at += textWidth + 34;
  }
}

void BalanceBar::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  for (size_t row = 0; row < m_rows.size(); ++row) paintRow(painter, row);
  paintLegend(painter);
}

bool BalanceBar::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  for (size_t row = 0; row < m_rows.size(); ++row) {
    const TimeBalance& balance = m_rows[row].balance;
    for (const Segment& segment : segments(row)) {
      if (!segment.rect.contains(help->pos())) continue;
      QString text = tr("%1, %2: %3, %4 of the latency")
                         .arg(m_rows[row].label, segment.name, formatDuration(segment.ns),
                              formatPercent(balance.latency_ns > 0 ? segment.ns / balance.latency_ns : 0));
      if (segment.color < 0)
        text +=
            QLatin1Char('\n') + tr("Latency that no recorded slice accounts for: gaps between operators.");
      else if (balance.runs > 0)
        text += QLatin1Char('\n') + tr("%1 slices in %2 recorded runs").arg(segment.slices).arg(balance.runs);
      if (balance.unexplained_ns() < 0)
        text += QLatin1Char('\n') +
                tr("Recording slowed the runs down: the mark is at %1, the latency with recording off.")
                    .arg(formatDuration(balance.latency_ns));
      QToolTip::showText(help->globalPos(), text, this);
      return true;
    }
  }
  QToolTip::hideText();
  return true;
}

}  // namespace lathe
