// SPDX-License-Identifier: Apache-2.0
// The time axis: ticks at round times.
#pragma once

#include <QRectF>
#include <QString>
#include <vector>

#include "profiler/layout/timeline.h"

class QPainter;

namespace lathe {

struct RulerTick {
  double x = 0;   ///< pixels
  QString label;  ///< empty for the small ones between
};
/// Ticks of a window `width` pixels wide, labelled ones at least `spacing` pixels apart at 1, 2 or 5 times a
/// power of ten.
std::vector<RulerTick> rulerTicks(const TimeMap& map, double width, double spacing = 110);

/// Background, ticks and labels in `area`, whose left border is x = 0 of the map.
void paintRuler(QPainter& painter, const QRectF& area, const std::vector<RulerTick>& ticks);

}  // namespace lathe
