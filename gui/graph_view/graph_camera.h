// SPDX-License-Identifier: Apache-2.0
// Which part of a scene the window shows: the maths of zooming and panning.
#pragma once

#include <QPointF>
#include <QRectF>
#include <QSizeF>
#include <algorithm>

#include "profiler/layout/geometry.h"

namespace lathe {

inline QRectF toQt(const Rect& rect) {
  return {rect.x, rect.y, rect.width, rect.height};
}
inline Rect fromQt(const QRectF& rect) {
  return {rect.x(), rect.y(), rect.width(), rect.height()};
}

/// Scene units to pixels of the widget and back. The same zoom along both axes.
class GraphCamera {
 public:
  static constexpr double maximumZoom = 4;

  double zoom() const { return m_zoom; }
  QPointF origin() const { return m_origin; }  ///< scene point at the upper left corner

  QPointF toScreen(QPointF scene) const { return (scene - m_origin) * m_zoom; }
  QPointF toScreen(const Point& scene) const {
    return {(scene.x - m_origin.x()) * m_zoom, (scene.y - m_origin.y()) * m_zoom};
  }
  QRectF toScreen(const QRectF& scene) const { return {toScreen(scene.topLeft()), scene.size() * m_zoom}; }
  QPointF toScene(QPointF screen) const { return screen / m_zoom + m_origin; }
  QRectF toScene(const QRectF& screen) const { return {toScene(screen.topLeft()), screen.size() / m_zoom}; }

  void set(QPointF origin, double zoom) {
    m_origin = origin;
    m_zoom = std::clamp(zoom, m_minimum, maximumZoom);
  }
  /// Farther out than `zoom` makes no sense for the scene at hand.
  void setMinimumZoom(double zoom) { m_minimum = std::min(zoom, 1.0); }
  void panBy(QPointF pixels) { m_origin -= pixels / m_zoom; }
  /// The scene point under `screen` stays there.
  void zoomAt(QPointF screen, double factor) {
    const QPointF fixed = toScene(screen);
    m_zoom = std::clamp(m_zoom * factor, m_minimum, maximumZoom);
    m_origin = fixed - screen / m_zoom;
  }
  /// Puts a scene point at a point of the screen.
  void place(QPointF scene, QPointF screen) { m_origin = scene - screen / m_zoom; }
  static double fitZoom(QSizeF scene, QSizeF window) {
    return std::min({1.0, window.width() / std::max(1.0, scene.width()),
                     window.height() / std::max(1.0, scene.height())});
  }
  void fit(const QRectF& scene, QSizeF window) {
    m_zoom = std::clamp(fitZoom(scene.size(), window), m_minimum, maximumZoom);
    place(scene.center(), {window.width() / 2, window.height() / 2});
  }
  /// Keeps at least `margin` pixels of the scene in the window.
  void keepInside(QSizeF scene, QSizeF window, double margin) {
    const auto keep = [&](double at, double length, double size) {
      const double rest = margin / m_zoom;
      return std::clamp(at, rest - size / m_zoom, std::max(rest - size / m_zoom, length - rest));
    };
    m_origin = {keep(m_origin.x(), scene.width(), window.width()),
                keep(m_origin.y(), scene.height(), window.height())};
  }

 private:
  QPointF m_origin;
  double m_zoom = 1, m_minimum = 0.02;
};

}  // namespace lathe
