// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/time_ruler.h"

#include <QCoreApplication>
#include <QPainter>
#include <algorithm>
#include <array>
#include <cmath>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

struct Unit {
  double ns;
  const char* name;
};

const Unit& unitOf(double ns) {
  static constexpr std::array units = {
      Unit{1e9, QT_TRANSLATE_NOOP("TimeRuler", "s")}, Unit{1e6, QT_TRANSLATE_NOOP("TimeRuler", "ms")},
      Unit{1e3, QT_TRANSLATE_NOOP("TimeRuler", "µs")}, Unit{1, QT_TRANSLATE_NOOP("TimeRuler", "ns")}};
  for (const Unit& unit : units)
    // What would be rounded up to 1000 of a unit is 1 of the next.
    if (ns >= unit.ns * 0.9995) return unit;
  return units.back();
}

QString withUnit(double ns, const Unit& unit, int decimals) {
  return QString::number(ns / unit.ns, 'f', decimals) + QChar(0x00a0) +
         QCoreApplication::translate("TimeRuler", unit.name);
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `least`.
double roundStep(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

}  // namespace

std::vector<RulerTick> rulerTicks(const TimeMap& map, double width, double spacing) {
  std::vector<RulerTick> ticks;
  const double step = std::max(roundStep(map.ns_per_pixel * spacing), 1.0);
  const double begin = static_cast<double>(map.begin_ns), end = begin + width * map.ns_per_pixel;
  const Unit& unit = unitOf(std::max(std::abs(begin), std::abs(end)));
  const int decimals = std::max(0, static_cast<int>(std::ceil(std::log10(unit.ns / step) - 1e-9)));
  constexpr int parts = 5;
  const double first = std::floor(begin / step);
  // Counted rather than added up: far from 0 a step can be too small to change a time.
  const int large = static_cast<int>((end - begin) / step) + 2;
  for (int i = 0; i <= large * parts; ++i) {
    const double time = (first + static_cast<double>(i) / parts) * step;
    const double x = (time - begin) / map.ns_per_pixel;
    if (x < 0 || x > width) continue;
    ticks.push_back(
        {x, i % parts > 0 ? QString() : withUnit(std::abs(time) < step / 2 ? 0.0 : time, unit, decimals)});
  }
  return ticks;
}

void paintRuler(QPainter& painter, const QRectF& area, const std::vector<RulerTick>& ticks) {
  const Theme& t = theme();
  painter.fillRect(area, t.window);
  for (const RulerTick& tick : ticks) {
    const double x = std::floor(area.left() + tick.x) + 0.5;
    const bool large = !tick.label.isEmpty();
    painter.setPen(large ? t.mutedText : t.border);
    painter.drawLine(QPointF(x, area.bottom() - (large ? 8 : 4)), QPointF(x, area.bottom() - 1));
    if (!large) continue;
    painter.drawText(QRectF(x + 4, area.top(), 200, area.height() - 6), Qt::AlignLeft | Qt::AlignVCenter,
                     tick.label);
  }
  painter.setPen(t.border);
  painter.drawLine(QPointF(area.left(), area.bottom() - 0.5), QPointF(area.right(), area.bottom() - 0.5));
}

}  // namespace lathe
