// SPDX-License-Identifier: Apache-2.0
// Measured latencies as histograms above each other on one time axis, with their percentiles.
#pragma once

#include <QWidget>
#include <vector>

#include "profiler/stats/distribution.h"

namespace lathe {

class DistributionChart : public QWidget {
  Q_OBJECT
 public:
  struct Series {
    QString label;
    Distribution distribution;
    int color = 0;  ///< of the theme's categories
  };

  explicit DistributionChart(QWidget* parent = nullptr);
  /// Those without samples are left out.
  void setSeries(std::vector<Series> series);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return {240, sizeHint().height()}; }

 protected:
  bool event(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  QRectF lane(size_t i) const;
  double x(double ns) const;
  void paintLane(QPainter& painter, size_t i) const;
  void paintAxis(QPainter& painter) const;
  std::vector<Series> m_series;
  double m_low = 0, m_high = 1, m_step = 1;  ///< ns of the axis and between its ticks
};

}  // namespace lathe
