// SPDX-License-Identifier: Apache-2.0
// The whole graph in a corner of the view, with the part that is seen marked; a click goes there.
#pragma once

#include <QPixmap>
#include <QWidget>

namespace lathe {

class GraphView;

/// A child of the view that places itself in its lower right corner. Hidden while everything is seen.
class Minimap : public QWidget {
  Q_OBJECT
 public:
  explicit Minimap(GraphView& view);
  /// Shown where it is of use, or never.
  void setWanted(bool wanted);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;

 private:
  void arrange();
  void draw();
  double scale() const;
  void goTo(QPointF at);

  GraphView& m_view;
  QPixmap m_picture;  ///< of the scene; null: to be drawn again
  bool m_wanted = true;
};

}  // namespace lathe
