// SPDX-License-Identifier: Apache-2.0
// Draws a scene: frames, edges, boxes and their labels, as much as can be read at the zoom.
#pragma once

#include <QFont>
#include <QRectF>
#include <vector>

#include "gui/graph_view/graph_camera.h"
#include "gui/graph_view/graph_colors.h"
#include "gui/graph_view/graph_scene.h"
#include "gui/widgets/theme.h"

class QPainter;

namespace lathe {

/// What is drawn over the plain graph.
struct GraphDecoration {
  GraphHighlight highlight;
  std::vector<int> matches;  ///< by box: found things in it; empty: no search
  int hoveredBox = -1, hoveredEdge = -1;
};

/// Scene rectangle of the sign that opens or closes a module.
QRectF toggleRect(const SceneBox& box);

/// Any thread. Keeps references: for one painting.
class GraphPainter {
 public:
  GraphPainter(const GraphScene& scene, const GraphColors& colors, const Theme& theme)
      : m_scene(scene), m_colors(colors), m_theme(theme) {}

  /// Fills `window` (pixels of the painter's device, as the camera sees it).
  void paint(QPainter& painter, const GraphCamera& camera, const QRectF& window,
             const GraphDecoration& decoration);

  /// Whether modules show signs to open and close them.
  static bool showsToggles(double zoom);
  static QColor producerColor(const Theme& theme) { return theme.categories[2]; }
  static QColor consumerColor(const Theme& theme) { return theme.categories[3]; }

 private:
  void paintFrame(QPainter& p, int i);
  void paintFrameTitle(QPainter& p, int i);
  void paintFarTitles(QPainter& p, const std::vector<int>& boxes);
  void paintEdge(QPainter& p, int i, const QColor& color, double width);
  void paintEdges(QPainter& p, const std::vector<int>& edges);
  void paintEdgeLabels(QPainter& p, const std::vector<int>& edges);
  void paintBox(QPainter& p, int i);
  void paintModule(QPainter& p, int i);
  void paintMixture(QPainter& p, int i);
  void paintTitle(QPainter& p, int i, const QColor& text);
  void paintToggle(QPainter& p, const SceneBox& box);
  void paintEngine(QPainter& p, const QRectF& rect, const QString& tag);
  void paintOutline(QPainter& p, int i);
  void paintBadge(QPainter& p, QPointF rightTop, const QString& text, const QColor& fill);
  QColor fillOf(int i) const;
  QColor frameFill(int i) const;
  bool isMarked() const { return !m_decoration->highlight.isEmpty(); }

  const GraphScene& m_scene;
  const GraphColors& m_colors;
  const Theme& m_theme;
  const GraphDecoration* m_decoration = nullptr;
  double m_zoom = 1;
  bool m_fine = true;      ///< round corners and antialiasing
  bool m_readable = true;  ///< labels at their own size
  QFont m_titleFont, m_smallFont, m_farFont;
};

}  // namespace lathe
