// SPDX-License-Identifier: Apache-2.0
// What the colours of the graph mean, in a corner of the view.
#pragma once

#include <QWidget>
#include <functional>
#include <utility>
#include <vector>

namespace lathe {

class GraphView;

/// A child of the view that places itself in its lower left corner; clicks go through it.
class GraphLegend : public QWidget {
  Q_OBJECT
 public:
  GraphLegend(GraphView& view, std::function<QString()> nothing);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  void arrange();
  GraphView& m_view;
  std::function<QString()> m_nothing;  ///< what to do where the choice has no colours yet
  std::vector<std::pair<QString, QColor>> m_entries;
};

}  // namespace lathe
