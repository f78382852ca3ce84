// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/timeline_painter.h"

#include <QPaintDevice>
#include <QPainter>
#include <QPolygonF>
#include <algorithm>
#include <cmath>

#include "gui/timeline/time_ruler.h"
#include "gui/widgets/format.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr double namedWidth = 26;  ///< a slice this wide shows the beginning of its name

constexpr double gapWidth = 3;  ///< a slice this wide can spare a gap to its neighbour

/// Slices of a pixel or two: one line of colours is stretched over the row, which is many times faster than
/// as many rectangles.
class ColumnStrip {
 public:
  ColumnStrip(QImage& columns, QPainter& painter, int width)
      : m_columns(columns), m_painter(painter), m_scale(painter.device()->devicePixelRatioF()) {
    const int pixels = std::max(1, static_cast<int>(std::ceil(width * m_scale)));
    if (m_columns.width() != pixels) m_columns = QImage(pixels, 1, QImage::Format_ARGB32_Premultiplied);
  }

  void add(double x, double width, QRgb color) {
    if (!m_used) m_columns.fill(Qt::transparent);
    m_used = true;
    const int first = std::clamp(static_cast<int>(std::lround(x * m_scale)), 0, m_columns.width() - 1);
    const int end =
        std::clamp(static_cast<int>(std::lround((x + width) * m_scale)), first + 1, m_columns.width());
    auto* pixels = reinterpret_cast<QRgb*>(m_columns.scanLine(0));
    std::fill(pixels + first, pixels + end, color);
  }

  void draw(const QRect& row) {
    if (m_used) m_painter.drawImage(row, m_columns);
  }

 private:
  QImage& m_columns;
  QPainter& m_painter;
  double m_scale;
  bool m_used = false;
};

QString elided(const QPainter& painter, const QString& text, int width) {
  return painter.fontMetrics().elidedText(text, Qt::ElideRight, width);
}

}  // namespace

struct TimelinePainter::Frame {
  QPainter& painter;
  const TimelineScene& scene;
  const TimelineRows& rows;
  const std::vector<TraceEntry>& traces;
  const TimelineAreas& areas;

  const Trace& trace(int index) const { return *traces[static_cast<size_t>(index)].trace; }
  int yOf(int rowsY) const { return areas.tracks.top() + rowsY - scene.scroll; }
};

TimelineAreas TimelineAreas::of(const QSize& size, int scrollBarWidth) {
  const int width = std::max(1, size.width() - labelWidth - scrollBarWidth);
  const int height = std::max(1, size.height() - rulerHeight);
  return {QRect(labelWidth, 0, width, rulerHeight), QRect(0, rulerHeight, labelWidth, height),
          QRect(labelWidth, rulerHeight, width, height)};
}

TimeMap mapOf(const Trace& trace, const TimeMap& map) {
  return {map.begin_ns + trace.begin_time(), map.ns_per_pixel};
}

void TimelinePainter::reset(const std::vector<TraceEntry>& traces, const Coloring& coloring) {
  m_colors.clear();
  for (const TraceEntry& entry : traces) m_colors.emplace_back(*entry.trace, coloring);
  m_labels.assign(traces.size(), {});
}

void TimelinePainter::paint(QPainter& painter, const TimelineScene& scene, const TimelineRows& rows,
                            const std::vector<TraceEntry>& traces, const TimelineAreas& areas,
                            const QRect& dirty) {
  const Frame frame{painter, scene, rows, traces, areas};
  const Theme& t = theme();
  painter.fillRect(dirty, t.surface);
  painter.fillRect(areas.labels, t.window);
  painter.setPen(t.border);
  painter.drawLine(areas.labels.right(), 0, areas.labels.right(), areas.labels.bottom());
  const std::vector<RulerTick> ticks = rulerTicks(scene.map, areas.tracks.width());
  painter.setClipRect(areas.tracks & dirty);
  painter.setPen(t.grid);
  for (const RulerTick& tick : ticks) {
    if (tick.label.isEmpty()) continue;
    const double x = std::floor(areas.tracks.left() + tick.x) + 0.5;
    painter.drawLine(QPointF(x, areas.tracks.top()), QPointF(x, areas.tracks.bottom() + 1));
  }
  for (const TimelineRow& row : rows.rows()) {
    const int top = frame.yOf(row.y);
    if (top > dirty.bottom() || top > areas.tracks.bottom()) break;
    if (top + row.height > std::max(dirty.top(), areas.tracks.top())) paintRow(frame, row, top);
  }
  painter.setClipRect(areas.tracks & dirty);
  paintRange(frame);
  if (scene.hovered != scene.selected) paintOutline(frame, scene.hovered, t.text, 1);
  paintOutline(frame, scene.selected, t.accent, 2);
  painter.setClipRect(dirty);
  painter.fillRect(QRect(0, 0, areas.labels.width(), areas.ruler.height()), t.window);
  painter.save();
  painter.setClipRect(areas.ruler & dirty);
  paintRuler(painter, areas.ruler, ticks);
  painter.restore();
  painter.setPen(t.border);
  painter.drawLine(areas.labels.right(), 0, areas.labels.right(), areas.ruler.bottom());
  painter.drawLine(0, areas.ruler.bottom(), areas.labels.right(), areas.ruler.bottom());
}

void TimelinePainter::paintRow(const Frame& frame, const TimelineRow& row, int top) {
  QPainter& painter = frame.painter;
  const Theme& t = theme();
  const QRect whole(0, top, frame.areas.tracks.right() + 1, row.height);
  painter.setClipRect(whole & QRect(0, frame.areas.tracks.top(), whole.width(), frame.areas.tracks.height()));
  if (row.kind == TimelineRow::Kind::Band) painter.fillRect(whole, t.raised);
  if (row.kind == TimelineRow::Kind::Process) painter.fillRect(whole, t.window);
  paintLabel(frame, row, top);
  painter.setPen(t.grid);
  painter.drawLine(0, top + row.height - 1, whole.right(), top + row.height - 1);
  painter.setClipRect(QRect(frame.areas.tracks.left(), top, frame.areas.tracks.width(), row.height) &
                      frame.areas.tracks);
  if (row.kind == TimelineRow::Kind::Lane) paintLane(frame, row, top);
  if (row.kind == TimelineRow::Kind::Counter) paintCounter(frame, row, top);
}

void TimelinePainter::paintLabel(const Frame& frame, const TimelineRow& row, int top) {
  QPainter& painter = frame.painter;
  const Theme& t = theme();
  const bool band = row.kind == TimelineRow::Kind::Band, lane = row.kind == TimelineRow::Kind::Lane;
  // Bands and processes own their row and may write across it; lanes and counters keep to the label column.
  const bool across = band || row.kind == TimelineRow::Kind::Process;
  const int left = band ? 8 : across ? 10 : 14;
  const int right = across ? frame.areas.tracks.right() : frame.areas.labels.right() - 6;
  int x = left;
  const int line = across ? row.height : std::min(row.height, 24);
  if (band || (lane && frame.trace(row.trace).lane(row.lane).rows > 1)) {
    const double y = top + line / 2.0;
    QPolygonF arrow =
        row.collapsed ? QPolygonF({{0, -4}, {4, 0}, {0, 4}}) : QPolygonF({{-2, -2}, {6, -2}, {2, 3}});
    arrow.translate(x, y);
    painter.setPen(Qt::NoPen);
    painter.setBrush(t.mutedText);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.drawPolygon(arrow);
    painter.setRenderHint(QPainter::Antialiasing, false);
  }
  x += 12;
  QFont font = painter.font();
  const QFont plain = font;
  font.setBold(band);
  painter.setFont(font);
  painter.setPen(band || lane ? t.text : t.mutedText);
  const QString label = elided(painter, row.label, right - x);
  painter.drawText(QRect(x, top, right - x, line), Qt::AlignLeft | Qt::AlignVCenter, label);
  const int labelEnd = x + painter.fontMetrics().horizontalAdvance(label);
  painter.setFont(plain);
  painter.setPen(t.mutedText);
  if (across) {
    painter.drawText(QRect(std::max(labelEnd + 14, frame.areas.tracks.left() + 8), top, right, line),
                     Qt::AlignLeft | Qt::AlignVCenter, row.note);
  } else if (row.height >= 40) {
    painter.drawText(QRect(x, top + 19, right - x, 18), Qt::AlignLeft | Qt::AlignVCenter,
                     elided(painter, row.note, right - x));
  }
}

void TimelinePainter::paintLane(const Frame& frame, const TimelineRow& row, int top) {
  for (uint32_t depth = 0; depth < row.depths; ++depth) {
    const int y = top + TimelineRows::sliceTop(row, depth) - row.y;
    if (y > frame.areas.tracks.bottom()) break;
    if (y + TimelineRows::sliceHeight > frame.areas.tracks.top()) paintDepth(frame, row, depth, y);
  }
}

void TimelinePainter::paintDepth(const Frame& frame, const TimelineRow& row, uint32_t depth, int top) {
  QPainter& painter = frame.painter;
  const Trace& trace = frame.trace(row.trace);
  const auto index = static_cast<size_t>(row.trace);
  const TimelineScene& scene = frame.scene;
  const SliceMatches* matches = index < scene.matches.size() ? &scene.matches[index] : nullptr;
  const QRect& tracks = frame.areas.tracks;
  constexpr int height = TimelineRows::sliceHeight - 1;
  ColumnStrip strip(m_columns, painter, tracks.width());
  for (const SliceRect& rect :
       visible_slices(trace, row.lane, depth, mapOf(trace, scene.map), tracks.width())) {
    QRgb fill = m_colors[index].of(rect.slice);
    const bool matched = matches != nullptr && matches->containsAny(rect.slice, rect.count);
    const bool quiet = scene.dimOthers && !matched;
    if (quiet) fill = mixed(theme().surface, QColor(fill), 0.22).rgb();
    if (rect.width < gapWidth) {
      strip.add(rect.x, rect.width, fill);
      continue;
    }
    const QRectF box(tracks.left() + rect.x, top, rect.width - 1, height);
    painter.fillRect(box, QColor(fill));
    if (matched && !scene.dimOthers)
      painter.fillRect(QRectF(box.left(), box.bottom() - 2, box.width(), 2), theme().accent);
    if (rect.count == 1 && box.width() >= namedWidth)
      paintName(frame, row.trace, trace.name(rect.slice), box, fill, quiet);
  }
  strip.draw(QRect(tracks.left(), top, tracks.width(), height));
}

void TimelinePainter::paintName(const Frame& frame, int trace, StringId name, const QRectF& box, QRgb fill,
                                bool quiet) {
  QPainter& painter = frame.painter;
  Label& label = m_labels[static_cast<size_t>(trace)][name.index];
  const QFontMetrics metrics = painter.fontMetrics();
  if (label.width == 0) {
    // A name wider than any window is cut: laying it out would take long.
    const std::string_view text = frame.trace(trace).text(name).substr(0, 512);
    const QString shown = QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())).simplified();
    label.text = QStaticText(shown);
    label.text.setTextFormat(Qt::PlainText);
    label.text.prepare({}, painter.font());
    label.width = std::max(1, metrics.horizontalAdvance(shown));
  }
  const QColor ink = Theme::textOn(QColor(fill));
  painter.setPen(quiet ? mixed(QColor(fill), ink, 0.45) : ink);
  const double space = box.width() - 8;
  const double baseline = box.top() + (box.height() - metrics.height()) / 2;
  if (label.width <= space) {
    painter.drawStaticText(QPointF(box.left() + 4, baseline), label.text);
    return;
  }
  // The last part of a node's path tells more than the first.
  const QString whole = label.text.text();
  painter.drawText(QPointF(box.left() + 4, baseline + metrics.ascent()),
                   metrics.elidedText(whole.mid(whole.lastIndexOf(QLatin1Char('/')) + 1), Qt::ElideRight,
                                      static_cast<int>(space)));
}

void TimelinePainter::paintCounter(const Frame& frame, const TimelineRow& row, int top) {
  QPainter& painter = frame.painter;
  const Trace& trace = frame.trace(row.trace);
  const double span = row.high - row.low, height = row.height - 8, bottom = top + row.height - 4;
  if (span <= 0) return;
  const QColor color = theme().categories[4], area = mixed(theme().surface, color, 0.35);
  const double left = frame.areas.tracks.left();
  const auto yOf = [&](double value) { return bottom - (value - row.low) / span * height; };
  const TimeMap map = mapOf(trace, frame.scene.map);
  // The last value holds to the end of the recording.
  const double width = std::min<double>(frame.areas.tracks.width(), map.x(trace.end_time()));
  for (const CounterColumn& column : visible_counter(trace.counters()[row.counter], map, width)) {
    const double x = left + column.x;
    painter.fillRect(QRectF(x, yOf(column.last), column.width, bottom - yOf(column.last)), area);
    painter.fillRect(QRectF(x, yOf(column.high), 1, std::max(1.0, yOf(column.low) - yOf(column.high))),
                     color);
    painter.fillRect(QRectF(x, yOf(column.last), column.width, 1), color);
  }
  const bool memory = trace.text(trace.counters()[row.counter].name).find("emory") != std::string_view::npos;
  painter.setPen(theme().mutedText);
  painter.drawText(QRectF(left + 4, top + 2, 200, 16), Qt::AlignLeft | Qt::AlignVCenter,
                   memory ? formatBytes(static_cast<int64_t>(row.high)) : formatReal(row.high));
}

void TimelinePainter::paintRange(const Frame& frame) {
  const TimelineScene& scene = frame.scene;
  if (!scene.range || scene.rangeTrace < 0 || static_cast<size_t>(scene.rangeTrace) >= frame.traces.size())
    return;
  const TimeMap map = mapOf(frame.trace(scene.rangeTrace), scene.map);
  const QRect& tracks = frame.areas.tracks;
  const double left = std::max(-2.0, map.x(scene.range->begin)),
               right = std::min(tracks.width() + 2.0, map.x(scene.range->end));
  if (right <= left) return;
  int top = tracks.bottom(), bottom = tracks.top();
  for (const TimelineRow& row : frame.rows.rows()) {
    if (row.trace != scene.rangeTrace) continue;
    top = std::min(top, frame.yOf(row.y));
    bottom = std::max(bottom, frame.yOf(row.y) + row.height);
  }
  QColor shade = theme().accent;
  shade.setAlphaF(0.14F);
  QPainter& painter = frame.painter;
  const QRectF box(tracks.left() + left, top, right - left, bottom - top);
  painter.fillRect(box, shade);
  painter.setPen(theme().accent);
  painter.drawLine(box.topLeft(), box.bottomLeft());
  painter.drawLine(box.topRight(), box.bottomRight());
  const QString text = formatDuration(static_cast<double>(scene.range->end - scene.range->begin));
  const double width = painter.fontMetrics().horizontalAdvance(text) + 12;
  const double x = std::clamp(box.center().x() - width / 2, tracks.left() + 2.0, tracks.right() - width);
  const QRectF tag(x, std::max(box.top(), tracks.top() + 0.0) + 5, width, 18);
  painter.fillRect(tag, theme().accent);
  painter.setPen(theme().accentText);
  painter.drawText(tag, Qt::AlignCenter, text);
}

void TimelinePainter::paintOutline(const Frame& frame, const SliceRef& ref, const QColor& color, int width) {
  if (ref.trace < 0 || !ref.slice.valid() || static_cast<size_t>(ref.trace) >= frame.traces.size()) return;
  const Trace& trace = frame.trace(ref.trace);
  const TimelineRow* row = frame.rows.lane(ref.trace, trace.lane_of(ref.slice));
  if (row == nullptr || trace.depth(ref.slice) >= row->depths) return;
  const TimeMap map = mapOf(trace, frame.scene.map);
  const double edge = frame.areas.tracks.width() + 8.0;
  const double left = std::clamp(map.x(trace.start(ref.slice)), -8.0, edge);
  const double right = std::clamp(map.x(trace.end(ref.slice)), -8.0, edge);
  const QRectF box(frame.areas.tracks.left() + left,
                   frame.yOf(TimelineRows::sliceTop(*row, trace.depth(ref.slice))),
                   std::max(2.0, right - left), TimelineRows::sliceHeight - 1);
  QPainter& painter = frame.painter;
  painter.setBrush(Qt::NoBrush);
  painter.setPen(QPen(color, width));
  painter.drawRect(width > 1 ? box : box.adjusted(0.5, 0.5, -0.5, -0.5));
  if (width <= 1 || box.width() < 8) return;
  // A thin line inside, so that the outline is seen on a fill of its own colour too.
  painter.setPen(theme().surface);
  painter.drawRect(box.adjusted(1.5, 1.5, -1.5, -1.5));
}

}  // namespace lathe
