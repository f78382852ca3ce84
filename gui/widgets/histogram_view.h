// SPDX-License-Identifier: Apache-2.0
// A histogram with its axis; the bin under the cursor is told in a tool tip.
#pragma once

#include <QWidget>
#include <functional>
#include <vector>

namespace lathe {

/// Equal bins over [low, high].
struct HistogramData {
  double low = 0, high = 0;
  std::vector<double> counts;
};

class HistogramView : public QWidget {
  Q_OBJECT
 public:
  /// `text` writes a position on the axis; without it plain numbers.
  explicit HistogramView(QWidget* parent = nullptr, std::function<QString(double)> text = {});

  void setData(HistogramData data);
  const HistogramData& histogram() const { return m_data; }
  /// Counts on a logarithmic axis, so that rare outliers can be seen.
  void setLogarithmic(bool logarithmic);

  QSize sizeHint() const override { return {260, 120}; }
  QSize minimumSizeHint() const override { return {120, 72}; }

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  QRectF plotArea() const;
  QRectF bar(size_t bin) const;
  int binAt(const QPointF& position) const;
  double relativeHeight(double count) const;  ///< 0..1

  HistogramData m_data;
  std::function<QString(double)> m_text;
  double m_largest = 0;
  bool m_logarithmic = false;
};

}  // namespace lathe
