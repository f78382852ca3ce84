// SPDX-License-Identifier: Apache-2.0
// Where the latency of one run goes, as stacked bars on one scale: named parts and the unexplained rest.
#pragma once

#include <QWidget>
#include <vector>

#include "profiler/stats/balance.h"

namespace lathe {

class BalanceBar : public QWidget {
  Q_OBJECT
 public:
  struct Row {
    QString label;
    TimeBalance balance;
  };

  explicit BalanceBar(QWidget* parent = nullptr);
  void setRows(std::vector<Row> rows);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return {320, sizeHint().height()}; }

 protected:
  bool event(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  struct Segment {
    QString name;
    double ns = 0;
    int color = 0;  ///< of the theme's categories, -1: unexplained
    QRectF rect;
    size_t slices = 0;
  };
  std::vector<Segment> segments(size_t row) const;
  QRectF bar(size_t row) const;
  double longest() const;
  double pixels(double ns) const;
  void paintRow(QPainter& painter, size_t row) const;
  void paintLegend(QPainter& painter) const;
  std::vector<Row> m_rows;
};

}  // namespace lathe
