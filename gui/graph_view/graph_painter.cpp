// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_painter.h"

#include <QCoreApplication>
#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr double fineZoom = 0.3;       // below: plain rectangles and lines
constexpr double readableZoom = 0.65;  // below: titles only, at a size that can be read
constexpr double radius = 5, stripe = 4;
constexpr double farText = 10;  // pixels

QColor blend(const QColor& a, const QColor& b, double share) {
  const auto mix = [share](int from, int to) {
    return static_cast<int>(std::lround(from + (to - from) * share));
  };
  return {mix(a.red(), b.red()), mix(a.green(), b.green()), mix(a.blue(), b.blue())};
}

QColor withAlpha(QColor color, int alpha) {
  color.setAlpha(alpha);
  return color;
}

QFont fontOf(int pixels, QFont::Weight weight = QFont::Normal) {
  QFont font;
  font.setPixelSize(pixels);
  font.setWeight(weight);
  font.setHintingPreference(QFont::PreferNoHinting);  // widths stay in proportion at every zoom
  return font;
}

/// A line through points with its corners cut by small curves.
QPainterPath smooth(const std::vector<Point>& points) {
  constexpr double most = 14;
  QPainterPath path({points.front().x, points.front().y});
  for (size_t i = 1; i + 1 < points.size(); ++i) {
    const QPointF before(points[i - 1].x, points[i - 1].y), at(points[i].x, points[i].y),
        after(points[i + 1].x, points[i + 1].y);
    const auto towards = [&](QPointF other) {
      const QPointF way = other - at;
      const double length = std::hypot(way.x(), way.y());
      return length <= 0 ? at : at + way * (std::min(most, length / 2) / length);
    };
    path.lineTo(towards(before));
    path.quadTo(at, towards(after));
  }
  path.lineTo(points.back().x, points.back().y);
  return path;
}

QString nodeCountText(size_t count) {
  return count == 1 ? QCoreApplication::translate("lathe::GraphView", "1 node")
                    : QCoreApplication::translate("lathe::GraphView", "%1 nodes").arg(count);
}

bool isModule(const SceneBox& box) {
  return box.kind == SceneBox::Kind::module || box.kind == SceneBox::Kind::frame;
}

bool isValue(const SceneBox& box) {
  return box.kind == SceneBox::Kind::input || box.kind == SceneBox::Kind::output;
}

}  // namespace

bool GraphPainter::showsToggles(double zoom) {
  return zoom >= readableZoom;
}

QRectF toggleRect(const SceneBox& box) {
  constexpr double size = 14;
  if (box.kind == SceneBox::Kind::frame) return {box.rect.x + 8, box.rect.y + 8, size, size};
  return {box.rect.right() - size - 8, box.rect.y + 8, size, size};
}

void GraphPainter::paint(QPainter& painter, const GraphCamera& camera, const QRectF& window,
                         const GraphDecoration& decoration) {
  m_decoration = &decoration;
  m_zoom = camera.zoom();
  m_fine = m_zoom >= fineZoom;
  m_readable = m_zoom >= readableZoom;
  m_titleFont = fontOf(13, QFont::DemiBold);
  m_smallFont = fontOf(11);
  m_farFont = fontOf(std::max(13, static_cast<int>(std::lround(farText / m_zoom))), QFont::DemiBold);

  painter.fillRect(window, m_theme.window);
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing, m_fine);
  painter.setRenderHint(QPainter::TextAntialiasing);
  painter.scale(m_zoom, m_zoom);
  painter.translate(-camera.origin());
  // Outlines, labels and shadows stick out of what they belong to.
  const Rect seen = fromQt(camera.toScene(window.adjusted(-24, -24, 24, 24)));
  const std::vector<int> boxes = m_scene.index.boxes_in(m_scene.layout, seen);
  const std::vector<int> edges = m_scene.index.edges_in(m_scene.layout, seen);
  for (const int i : boxes)
    if (m_scene.box(i).kind == SceneBox::Kind::frame) paintFrame(painter, i);
  paintEngine(painter, QRectF(9, 9, m_scene.layout.width - 18, m_scene.layout.height - 18),
              m_colors.rootEngine);
  paintEdges(painter, edges);
  if (m_readable) paintEdgeLabels(painter, edges);
  for (const int i : boxes) {
    if (m_scene.box(i).kind != SceneBox::Kind::frame)
      paintBox(painter, i);
    else if (m_readable)
      paintFrameTitle(painter, i);
  }
  if (!m_readable) paintFarTitles(painter, boxes);
  for (const int i : boxes) paintOutline(painter, i);
  painter.restore();
}

QColor GraphPainter::fillOf(int i) const {
  const QColor& color = m_colors.boxes[static_cast<size_t>(i)];
  if (!color.isValid()) return m_theme.dark ? m_theme.raised : m_theme.surface;
  if (m_colors.filled || !m_fine) return color;
  return blend(m_theme.dark ? m_theme.raised : m_theme.surface, color, m_theme.dark ? 0.22 : 0.14);
}

QColor GraphPainter::frameFill(int i) const {
  const QColor fill = m_scene.box(i).depth % 2 == 0 ? m_theme.surface : m_theme.window;
  const QColor& color = m_colors.boxes[static_cast<size_t>(i)];
  return color.isValid() ? blend(fill, color, 0.08) : fill;
}

void GraphPainter::paintFrame(QPainter& p, int i) {
  const SceneBox& box = m_scene.box(i);
  const QRectF rect = toQt(box.rect);
  const QColor& color = m_colors.boxes[static_cast<size_t>(i)];
  QColor line = blend(m_theme.border, m_theme.mutedText, 0.25);
  if (color.isValid()) line = blend(line, color, 0.6);
  p.setPen(QPen(line, std::max(1.0, 1.0 / m_zoom)));
  p.setBrush(frameFill(i));
  if (m_fine)
    p.drawRoundedRect(rect, radius + 2, radius + 2);
  else
    p.drawRect(rect);
  paintEngine(p, rect, m_colors.engines[static_cast<size_t>(i)]);
}

void GraphPainter::paintFrameTitle(QPainter& p, int i) {
  const SceneBox& box = m_scene.box(i);
  const GraphScene::Label& label = m_scene.labels[static_cast<size_t>(i)];
  const QRectF row(box.rect.x + 28, box.rect.y + 1, box.rect.width - 36, 28);
  paintToggle(p, box);
  p.setFont(m_titleFont);
  const QFontMetricsF metrics(m_titleFont);
  const QString title = metrics.elidedText(label.title, Qt::ElideRight, row.width());
  // Edges that come in run under the title.
  const QFontMetricsF smalls(m_smallFont);
  const double both = metrics.horizontalAdvance(title) +
                      (label.subtitle.isEmpty() ? 0 : 8 + smalls.horizontalAdvance(label.subtitle));
  p.fillRect(QRectF(row.x() - 3, row.y() + 5, std::min(both + 6, row.width()), row.height() - 8),
             frameFill(i));
  p.setPen(m_theme.text);
  p.drawText(row, Qt::AlignVCenter | Qt::AlignLeft, title);
  const double used = metrics.horizontalAdvance(title) + 8;
  if (label.subtitle.isEmpty() || row.width() - used < 30) return;
  p.setFont(m_smallFont);
  p.setPen(m_theme.mutedText);
  p.drawText(row.adjusted(used, 1, 0, 0), Qt::AlignVCenter | Qt::AlignLeft,
             smalls.elidedText(label.subtitle, Qt::ElideRight, row.width() - used));
}

/// Names of modules at a constant size, outermost first, where there is room for them.
void GraphPainter::paintFarTitles(QPainter& p, const std::vector<int>& boxes) {
  p.setFont(m_farFont);
  const QFontMetricsF metrics(m_farFont);
  std::vector<QRectF> taken;
  for (const int i : boxes) {
    const SceneBox& box = m_scene.box(i);
    if (box.kind != SceneBox::Kind::frame || box.rect.height < 2 * metrics.height()) continue;
    const QString& title = m_scene.labels[static_cast<size_t>(i)].title;
    const double width = metrics.horizontalAdvance(title) + 0.6 * metrics.height();
    if (width > box.rect.width) continue;
    const QRectF plate(box.rect.x, box.rect.y, width, metrics.height());
    if (std::any_of(taken.begin(), taken.end(), [&](const QRectF& r) { return r.intersects(plate); }))
      continue;
    taken.push_back(plate);
    p.fillRect(plate, withAlpha(m_theme.surface, 215));
    p.setPen(m_theme.text);
    p.drawText(plate, Qt::AlignCenter, title);
  }
}

void GraphPainter::paintEdge(QPainter& p, int i, const QColor& color, double width) {
  const std::vector<Point>& points = m_scene.edge(i).points;
  if (points.size() < 2) return;
  p.setBrush(Qt::NoBrush);
  if (!m_fine) {
    QPolygonF line;
    line.reserve(static_cast<int>(points.size()));
    for (const Point& point : points) line << QPointF(point.x, point.y);
    p.setPen(QPen(color, width > 1.5 ? 2 / m_zoom : 0));  // 0: one pixel, the quickest
    p.drawPolyline(line);
    return;
  }
  p.setPen(QPen(color, std::max(width, 0.8 / m_zoom)));
  p.drawPath(smooth(points));
  const Point &tip = points.back(), &before = points[points.size() - 2];
  const double down = tip.y >= before.y ? -1 : 1;
  p.setPen(Qt::NoPen);
  p.setBrush(color);
  p.drawConvexPolygon(
      QPolygonF{{{tip.x, tip.y}, {tip.x - 3.5, tip.y + 7 * down}, {tip.x + 3.5, tip.y + 7 * down}}});
}

void GraphPainter::paintEdges(QPainter& p, const std::vector<int>& edges) {
  const GraphHighlight& highlight = m_decoration->highlight;
  const auto mark = [&](int i) {
    return isMarked() ? highlight.edges[static_cast<size_t>(i)] : GraphMark::None;
  };
  const QColor plain = isMarked() ? blend(m_theme.window, m_theme.neutral, 0.55) : m_theme.neutral;
  for (const int i : edges)
    if (mark(i) == GraphMark::None && i != m_decoration->hoveredEdge) paintEdge(p, i, plain, 1.1);
  for (const int i : edges) {
    const GraphMark each = mark(i);
    if (each == GraphMark::Selected) paintEdge(p, i, m_theme.accent, 2.2);
    if (each == GraphMark::Producer) paintEdge(p, i, producerColor(m_theme), 2);
    if (each == GraphMark::Consumer) paintEdge(p, i, consumerColor(m_theme), 2);
  }
  if (m_decoration->hoveredEdge >= 0) paintEdge(p, m_decoration->hoveredEdge, m_theme.accent, 2.2);
}

/// One below the source where all its edges carry the same, else one above each target.
void GraphPainter::paintEdgeLabels(QPainter& p, const std::vector<int>& edges) {
  p.setFont(m_smallFont);
  const QFontMetricsF metrics(m_smallFont);
  int last = -1;
  for (const int i : edges) {  // edges of one source stand together
    const SceneEdge& edge = m_scene.edge(i);
    const bool several = m_scene.severalValues[static_cast<size_t>(edge.from)] != 0;
    const QString& text = m_scene.edgeLabels[static_cast<size_t>(i)];
    if (text.isEmpty() || edge.points.size() < 2 || (!several && edge.from == last)) continue;
    last = edge.from;
    const Point at = several ? edge.points.back() : edge.points.front();
    const double width = metrics.horizontalAdvance(text) + 6;
    const QRectF plate(at.x - width / 2, several ? at.y - 8 - metrics.height() : at.y + 6, width,
                       metrics.height());
    const int frame = m_scene.box(several ? edge.to : edge.from).parent;
    p.fillRect(plate, withAlpha(frame < 0 ? m_theme.window : frameFill(frame), 225));
    p.setPen(m_theme.mutedText);
    p.drawText(plate, Qt::AlignCenter, text);
  }
}

void GraphPainter::paintBox(QPainter& p, int i) {
  const SceneBox& box = m_scene.box(i);
  const QRectF rect = toQt(box.rect);
  const QColor& color = m_colors.boxes[static_cast<size_t>(i)];
  const QColor fill = fillOf(i);
  if (box.rect.height * m_zoom < 5) {  // too small for anything but its colour
    p.fillRect(rect, color.isValid() ? color : m_theme.neutral);
    return;
  }
  QColor line = blend(m_theme.border, m_theme.mutedText, 0.35);
  if (color.isValid()) line = blend(line, color, 0.6);
  if (i == m_decoration->hoveredBox) line = m_theme.accent;
  const QPen pen(line, std::max(1.0, 0.8 / m_zoom));
  const double corner = isValue(box) ? box.rect.height / 2 : m_fine ? radius : 0;
  if (box.kind == SceneBox::Kind::module && m_fine) {  // something lies beneath
    p.setPen(pen);
    p.setBrush(blend(fill, m_theme.border, 0.5));
    p.drawRoundedRect(rect.adjusted(4, 4, 4, 4), corner, corner);
  }
  p.setPen(pen);
  p.setBrush(isValue(box) ? m_theme.grid : fill);
  p.drawRoundedRect(rect, corner, corner);
  if (m_fine && color.isValid() && !m_colors.filled) {
    QPainterPath side;
    side.addRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), corner, corner);
    p.save();
    p.setClipPath(side, Qt::IntersectClip);
    p.fillRect(QRectF(rect.x(), rect.y(), stripe, rect.height()), color);
    p.restore();
  }
  const bool dense = color.isValid() && (m_colors.filled || !m_fine);
  const QColor text = dense ? Theme::textOn(fill) : m_theme.text;
  if (box.kind == SceneBox::Kind::module) paintModule(p, i);
  paintTitle(p, i, text);
}

void GraphPainter::paintModule(QPainter& p, int i) {
  const SceneBox& box = m_scene.box(i);
  paintMixture(p, i);
  paintEngine(p, toQt(box.rect), m_colors.engines[static_cast<size_t>(i)]);
  if (m_readable) paintToggle(p, box);
}

void GraphPainter::paintMixture(QPainter& p, int i) {
  const auto& mixture = m_colors.mixtures[static_cast<size_t>(i)];
  if (mixture.empty()) return;
  const Rect& rect = m_scene.box(i).rect;
  const double height = m_fine ? 4 : rect.height * 0.3, inset = m_fine ? 6 : 0;
  double x = rect.x + inset;
  for (const GraphColors::Share& part : mixture) {
    const double width = part.share * (rect.width - 2 * inset);
    p.fillRect(QRectF(x, rect.bottom() - height - (m_fine ? 4 : 0), width, height), part.color);
    x += width;
  }
}

void GraphPainter::paintTitle(QPainter& p, int i, const QColor& text) {
  const SceneBox& box = m_scene.box(i);
  const GraphScene::Label& label = m_scene.labels[static_cast<size_t>(i)];
  const QRectF rect = toQt(box.rect);
  if (!m_readable) {
    // Low boxes take what fits, as long as it can be read.
    QFont font = m_farFont;
    font.setPixelSize(std::min(font.pixelSize(), static_cast<int>(rect.height() * 0.8)));
    if (font.pixelSize() * m_zoom < 0.8 * farText) return;
    const QFontMetricsF metrics(font);
    p.setFont(font);
    p.setPen(text);
    p.drawText(rect, Qt::AlignCenter, metrics.elidedText(label.title, Qt::ElideRight, rect.width() - 6));
    return;
  }
  const QFontMetricsF titles(m_titleFont), smalls(m_smallFont);
  const bool module = box.kind == SceneBox::Kind::module;
  p.setPen(text);
  if (isValue(box)) {
    p.setFont(m_smallFont);
    p.drawText(rect, Qt::AlignCenter, smalls.elidedText(label.title, Qt::ElideMiddle, rect.width() - 16));
    return;
  }
  const QRectF area = rect.adjusted(12, 4, module ? -26 : -8, module ? -8 : -4);
  QString subtitle = label.subtitle;
  const double room = rect.width() - 20;
  if (module && subtitle.isEmpty()) {
    subtitle = nodeCountText(box.node_count);
  } else if (module && box.node_count > 1) {
    const QString both = subtitle + QStringLiteral(" · ") + nodeCountText(box.node_count);
    if (smalls.horizontalAdvance(both) <= room) subtitle = both;
  }
  p.setFont(m_titleFont);
  p.drawText(area, Qt::AlignLeft | (subtitle.isEmpty() ? Qt::AlignVCenter : Qt::AlignTop),
             titles.elidedText(label.title, Qt::ElideRight, area.width()));
  p.setFont(m_smallFont);
  p.setPen(m_colors.filled ? withAlpha(text, 200) : m_theme.mutedText);
  p.drawText(QRectF(area.x(), area.y(), room, area.height()), Qt::AlignLeft | Qt::AlignBottom,
             smalls.elidedText(subtitle, Qt::ElideRight, room));
}

void GraphPainter::paintToggle(QPainter& p, const SceneBox& box) {
  const QRectF sign = toggleRect(box);
  const QPointF c = sign.center();
  p.setPen(QPen(m_theme.mutedText, 1));
  p.setBrush(m_theme.surface);
  p.drawRoundedRect(sign, 3, 3);
  p.setPen(QPen(m_theme.text, 1.4));
  p.drawLine(c - QPointF(4, 0), c + QPointF(4, 0));
  if (box.kind == SceneBox::Kind::module) p.drawLine(c - QPointF(0, 4), c + QPointF(0, 4));
}

void GraphPainter::paintEngine(QPainter& p, const QRectF& rect, const QString& tag) {
  if (tag.isEmpty()) return;
  p.setPen(QPen(m_theme.success, std::max(2.0, 1.6 / m_zoom)));
  p.setBrush(Qt::NoBrush);
  p.drawRoundedRect(rect.adjusted(-3, -3, 3, 3), radius + 2, radius + 2);
  if (m_readable) paintBadge(p, rect.topRight() + QPointF(-8, -9), tag, m_theme.success);
}

/// What is selected, next to it, or found.
void GraphPainter::paintOutline(QPainter& p, int i) {
  const auto index = static_cast<size_t>(i);
  const QRectF rect = toQt(m_scene.box(i).rect);
  const auto outline = [&](const QColor& color, double width, double away) {
    away = std::max(away, 1.5 / m_zoom);
    p.setPen(QPen(color, std::max(width, 1.5 / m_zoom)));
    p.setBrush(Qt::NoBrush);
    const double corner = isValue(m_scene.box(i)) ? rect.height() / 2 + away : radius + away;
    p.drawRoundedRect(rect.adjusted(-away, -away, away, away), corner, corner);
  };
  const GraphMark mark = isMarked() ? m_decoration->highlight.boxes[index] : GraphMark::None;
  if (mark == GraphMark::Selected) outline(m_theme.accent, 2.5, 3);
  if (mark == GraphMark::Producer) outline(producerColor(m_theme), 1.6, 2);
  if (mark == GraphMark::Consumer) outline(consumerColor(m_theme), 1.6, 2);
  const int found = m_decoration->matches.empty() ? 0 : m_decoration->matches[index];
  if (found > 0) {
    if (mark != GraphMark::Selected) outline(m_theme.warning, 2, 3);
    if (found > 1 && m_fine)
      paintBadge(p, rect.topRight() + QPointF(12, -11), QString::number(found), m_theme.warning);
  }
  const int repeats = m_scene.repeats[index];
  if (repeats > 1 && m_readable && isModule(m_scene.box(i)) && found <= 1)
    paintBadge(p, rect.topRight() + QPointF(m_scene.box(i).kind == SceneBox::Kind::frame ? -6 : -26, 7),
               QStringLiteral("×%1").arg(repeats), blend(m_theme.window, m_theme.neutral, 0.5));
}

void GraphPainter::paintBadge(QPainter& p, QPointF rightTop, const QString& text, const QColor& fill) {
  p.setFont(m_smallFont);
  const QFontMetricsF metrics(m_smallFont);
  const double width = metrics.horizontalAdvance(text) + 10, height = metrics.height() + 1;
  const QRectF plate(rightTop.x() - width, rightTop.y(), width, height);
  p.setPen(Qt::NoPen);
  p.setBrush(fill);
  p.drawRoundedRect(plate, height / 2, height / 2);
  p.setPen(Theme::textOn(fill));
  p.drawText(plate, Qt::AlignCenter, text);
}

}  // namespace lathe
