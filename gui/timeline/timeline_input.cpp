// SPDX-License-Identifier: Apache-2.0
// Mouse, wheel and keys of the timeline.
#include <QApplication>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QScrollBar>
#include <QToolTip>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "gui/timeline/timeline_view.h"
#include "gui/widgets/format.h"

namespace lathe {
namespace {

constexpr double zoomStep = 1.35, panStep = 0.12;  ///< of keys: factor, and share of the window

QString escaped(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())).toHtmlEscaped();
}

}  // namespace

QString sliceToolTip(const Trace& trace, SliceId slice) {
  QString text =
      QStringLiteral("<b>%1</b><table>").arg(escaped(trace.text(trace.name(slice)).substr(0, 300)));
  const auto line = [&](const QString& name, const QString& value) {
    if (!value.isEmpty())
      text += QStringLiteral("<tr><td>%1&nbsp;&nbsp;</td><td>%2</td></tr>").arg(name, value);
  };
  line(TimelineView::tr("duration"), formatDuration(static_cast<double>(trace.duration(slice))));
  line(TimelineView::tr("starts at"),
       formatDuration(static_cast<double>(trace.start(slice) - trace.begin_time())));
  line(TimelineView::tr("category"), escaped(trace.text(trace.category(slice))));
  for (const auto& [key, name] :
       {std::pair("op_type", TimelineView::tr("operator")), std::pair("class", TimelineView::tr("class")),
        std::pair("module", TimelineView::tr("module")), std::pair("kernel", TimelineView::tr("kernel")),
        std::pair("precision", TimelineView::tr("precision")),
        std::pair("Input Dims", TimelineView::tr("input shapes"))})
    line(name, escaped(trace.arg_text(slice, key).substr(0, 120)));
  for (const auto& [key, flops] : {std::pair("flops", true), std::pair("bytes", false)})
    if (const Arg* arg = trace.arg(slice, key); arg != nullptr && arg->is_number() && arg->number() > 0)
      line(flops ? TimelineView::tr("work") : TimelineView::tr("memory traffic"),
           flops ? formatFlops(static_cast<int64_t>(arg->number()))
                 : formatBytes(static_cast<int64_t>(arg->number())));
  return text + QStringLiteral("</table>");
}

double TimelineView::anchorX() const {
  const QRect tracks = areas().tracks;
  const QPoint cursor = mapFromGlobal(QCursor::pos());
  return tracks.contains(cursor) ? cursor.x() - tracks.left() : tracks.width() / 2.0;
}

bool TimelineView::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    const auto* help = static_cast<QHelpEvent*>(event);
    const SliceRef slice = sliceAt(help->pos());
    if (slice.slice.valid() && m_drag == Drag::None)
      QToolTip::showText(help->globalPos(), sliceToolTip(*trace(slice.trace), slice.slice), this,
                         sliceRect(slice.trace, slice.slice));
    else
      QToolTip::hideText();
    return true;
  }
  return QWidget::event(event);
}

void TimelineView::wheelEvent(QWheelEvent* event) {
  QPoint delta = event->angleDelta();
  const QPoint position = event->position().toPoint();
  const QRect tracks = areas().tracks;
  event->accept();
  // With Alt, Qt turns the vertical wheel into a horizontal one.
  if (position.x() < tracks.left() || (event->modifiers() & Qt::AltModifier)) {
    setScroll(m_scene.scroll - (delta.y() != 0 ? delta.y() : delta.x()) / 2);
    return;
  }
  if (event->modifiers() & Qt::ShiftModifier) delta = {delta.x() + delta.y(), 0};
  if (std::abs(delta.x()) > std::abs(delta.y()))
    setMap(m_scene.map.panned(-delta.x() * 0.8));
  else if (delta.y() != 0)
    setMap(m_scene.map.zoomed(position.x() - tracks.left(), std::exp2(delta.y() / 360.0)));
}

void TimelineView::mousePressEvent(QMouseEvent* event) {
  m_pressed = m_last = event->position().toPoint();
  const TimelineAreas places = areas();
  if (event->button() == Qt::MiddleButton ||
      (event->button() == Qt::LeftButton && (event->modifiers() & Qt::ShiftModifier))) {
    m_drag = Drag::Pan;
    setCursor(Qt::ClosedHandCursor);
  } else if (event->button() == Qt::LeftButton && places.labels.contains(m_pressed)) {
    if (const TimelineRow* row = m_rows.at(m_pressed.y() - places.labels.top() + m_scene.scroll)) {
      m_rows.toggle(TimelineRow(*row), traces());
      updateScrollBar();
      update();
    }
  } else if (event->button() == Qt::LeftButton) {
    m_drag = Drag::Pressed;
    m_pressedTrace = traceAt(m_pressed);
  }
}

void TimelineView::mouseMoveEvent(QMouseEvent* event) {
  const QPoint position = event->position().toPoint();
  if (m_drag == Drag::Pan) {
    setMap(m_scene.map.panned(m_last.x() - position.x()));
    setScroll(m_scene.scroll + m_last.y() - position.y());
  } else if (m_drag != Drag::None) {
    dragTo(position);
  } else {
    hover(sliceAt(position));
    setCursor(areas().ruler.contains(position) ? Qt::IBeamCursor : Qt::ArrowCursor);
  }
  m_last = position;
}

void TimelineView::dragTo(const QPoint& position) {
  if (m_drag == Drag::Pressed &&
      std::abs(position.x() - m_pressed.x()) < QApplication::startDragDistance() / 2)
    return;
  const Trace* t = trace(m_pressedTrace);
  if (t == nullptr) return;
  m_drag = Drag::Range;
  const QRect tracks = areas().tracks;
  const TimeMap map = mapOf(*t, m_scene.map);
  const auto timeAt = [&](int x) {
    const int64_t time = map.time(std::clamp(x - tracks.left(), 0, tracks.width()));
    return std::clamp(time, t->begin_time(), t->end_time());
  };
  const auto [begin, end] = std::minmax({timeAt(m_pressed.x()), timeAt(position.x())});
  m_scene.range = TraceRange{begin, end};
  m_scene.rangeTrace = m_pressedTrace;
  update();
}

void TimelineView::mouseReleaseEvent(QMouseEvent* event) {
  const Drag drag = std::exchange(m_drag, Drag::None);
  unsetCursor();
  if (drag == Drag::Range) {
    dragTo(event->position().toPoint());
    m_drag = Drag::None;
    if (m_scene.range && m_scene.range->end > m_scene.range->begin)
      m_workspace.selection().selectRange(m_pressedTrace, *m_scene.range);
  } else if (drag == Drag::Pressed) {
    const SliceRef slice = sliceAt(m_pressed);
    if (!slice.slice.valid()) return;
    m_clicking = true;
    m_workspace.selection().selectSlice(slice.trace, slice.slice);
    m_clicking = false;
  }
}

void TimelineView::mouseDoubleClickEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton || !areas().tracks.contains(event->position().toPoint())) return;
  if (sliceAt(event->position().toPoint()).slice.valid())
    zoomToSelection();
  else
    fit();
}

void TimelineView::leaveEvent(QEvent* event) {
  hover({});
  QWidget::leaveEvent(event);
}

void TimelineView::hover(const SliceRef& slice) {
  if (slice == m_scene.hovered) return;
  // Only the two slices change, not the whole window.
  for (const SliceRef& changed : {m_scene.hovered, slice})
    if (changed.slice.valid()) update(sliceRect(changed.trace, changed.slice).adjusted(-2, -2, 2, 2));
  m_scene.hovered = slice;
}

void TimelineView::stepSlice(bool forward) {
  const Trace* t = trace(m_scene.selected.trace);
  if (t == nullptr) return;
  const SliceId slice = m_scene.selected.slice;
  const SliceRange row = t->row(t->lane_of(slice), t->depth(slice));
  if (forward ? slice.index + 1 >= row.end : slice.index <= row.first) return;
  const size_t next = forward ? size_t{slice.index} + 1 : size_t{slice.index} - 1;
  m_workspace.selection().selectSlice(m_scene.selected.trace, SliceId(next));
}

void TimelineView::keyPressEvent(QKeyEvent* event) {
  const double width = areas().tracks.width(), anchor = anchorX();
  if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) return QWidget::keyPressEvent(event);
  switch (event->key()) {
    case Qt::Key_W:
    case Qt::Key_Plus:
      return setMap(m_scene.map.zoomed(anchor, zoomStep));
    case Qt::Key_S:
    case Qt::Key_Minus:
      return setMap(m_scene.map.zoomed(anchor, 1 / zoomStep));
    case Qt::Key_A:
      return setMap(m_scene.map.panned(-panStep * width));
    case Qt::Key_D:
      return setMap(m_scene.map.panned(panStep * width));
    case Qt::Key_Up:
    case Qt::Key_Down:
      return setScroll(m_scene.scroll + (event->key() == Qt::Key_Down ? 3 : -3) * TimelineRows::sliceHeight);
    case Qt::Key_Left:
    case Qt::Key_Right:
      return stepSlice(event->key() == Qt::Key_Right);
    case Qt::Key_N:
    case Qt::Key_P:
      return selectNextAlike(event->key() == Qt::Key_N);
    case Qt::Key_F:
      return zoomToSelection();
    case Qt::Key_0:
    case Qt::Key_Home:
      return fit();
    default:
      QWidget::keyPressEvent(event);
  }
}

}  // namespace lathe
