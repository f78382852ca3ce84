// SPDX-License-Identifier: Apache-2.0
// Mouse, wheel and keys of the graph.
#include <QApplication>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QNativeGestureEvent>
#include <QToolTip>
#include <QWheelEvent>
#include <cmath>
#include <limits>

#include "gui/document/workspace.h"
#include "gui/graph_view/graph_tooltip.h"
#include "gui/graph_view/graph_view.h"

namespace lathe {
namespace {

constexpr double edgeReach = 5;  // pixels beside an edge that still hit it
constexpr double panStep = 60;
constexpr double zoomStep = 1.25;

}  // namespace

GraphView::Hit GraphView::hit(QPointF at) const {
  if (!m_scene) return {};
  const QPointF point = m_camera.toScene(at);
  const Point scene{point.x(), point.y()};
  const int box = m_scene->index.box_at(m_scene->layout, scene);
  if (box >= 0 && m_scene->box(box).kind != SceneBox::Kind::frame) return {box, -1};
  const int edge = m_scene->index.edge_at(m_scene->layout, scene, edgeReach / m_camera.zoom());
  return edge >= 0 ? Hit{-1, edge} : Hit{box, -1};
}

bool GraphView::onToggle(int box, QPointF at) const {
  const SceneBox& module = m_scene->box(box);
  if (module.kind != SceneBox::Kind::module && module.kind != SceneBox::Kind::frame) return false;
  const QRectF sign = m_camera.toScreen(toggleRect(module));
  return GraphPainter::showsToggles(m_camera.zoom()) && sign.adjusted(-2, -2, 2, 2).contains(at);
}

void GraphView::setHover(Hit hover) {
  // A frame under the cursor is background.
  if (hover.box >= 0 && m_scene->box(hover.box).kind == SceneBox::Kind::frame) hover.box = -1;
  if (hover.box == m_decoration.hoveredBox && hover.edge == m_decoration.hoveredEdge) return;
  m_decoration.hoveredBox = hover.box;
  m_decoration.hoveredEdge = hover.edge;
  update();
}

void GraphView::selectBox(int box) {
  const SceneBox& at = m_scene->box(box);
  Selection& selection = m_workspace.selection();
  if (at.node.valid())
    selection.selectNode(at.node);
  else if (at.value.valid())
    selection.selectValue(at.value);
  else
    selection.selectModule(at.module);
}

void GraphView::select(Hit hit) {
  m_ownClick = true;
  if (hit.box >= 0)
    selectBox(hit.box);
  else if (hit.edge >= 0)
    m_workspace.selection().selectValue(m_scene->edge(hit.edge).values.front());
  else
    m_workspace.selection().selectModule(ModuleTree::root());
  m_ownClick = false;
}

void GraphView::mousePressEvent(QMouseEvent* event) {
  if (!m_scene || (event->button() != Qt::LeftButton && event->button() != Qt::MiddleButton)) return;
  m_pressed = m_last = event->position();
  m_panning = true;
  m_dragged = false;
}

void GraphView::mouseMoveEvent(QMouseEvent* event) {
  if (!m_scene) return;
  const QPointF at = event->position();
  if (!m_panning) {
    const Hit under = hit(at);
    setHover(under);
    setCursor(under.box >= 0 && onToggle(under.box, at) ? Qt::PointingHandCursor : Qt::ArrowCursor);
    return;
  }
  if (!m_dragged && (at - m_pressed).manhattanLength() < QApplication::startDragDistance()) return;
  m_dragged = true;
  m_untouched = false;
  setCursor(Qt::ClosedHandCursor);
  m_camera.panBy(at - m_last);
  m_last = at;
  cameraMoved();
}

void GraphView::mouseReleaseEvent(QMouseEvent* event) {
  if (!m_panning) return;
  m_panning = false;
  unsetCursor();
  if (m_dragged || event->button() != Qt::LeftButton || !m_scene) return;
  const Hit under = hit(event->position());
  if (under.box >= 0 && onToggle(under.box, event->position()))
    toggle(m_scene->box(under.box).module);
  else
    select(under);
}

void GraphView::mouseDoubleClickEvent(QMouseEvent* event) {
  if (!m_scene || event->button() != Qt::LeftButton) return;
  const Hit under = hit(event->position());
  // The sign has answered to the first click already.
  if (under.box < 0 || onToggle(under.box, event->position())) return;
  const SceneBox& box = m_scene->box(under.box);
  if (box.kind == SceneBox::Kind::module || box.kind == SceneBox::Kind::frame) toggle(box.module);
}

void GraphView::leaveEvent(QEvent*) {
  if (m_scene) setHover({});
}

void GraphView::wheelEvent(QWheelEvent* event) {
  if (!m_scene) return;
  event->accept();
  m_untouched = false;
  const QPoint turn = event->angleDelta();
  const bool trackpad =
      event->source() != Qt::MouseEventNotSynthesized || event->phase() != Qt::NoScrollPhase;
  if ((event->modifiers() & (Qt::ShiftModifier | Qt::AltModifier)) ||
      (trackpad && !(event->modifiers() & Qt::ControlModifier) && !event->pixelDelta().isNull())) {
    QPointF by = event->pixelDelta().isNull() ? QPointF(turn) * panStep / 120 : QPointF(event->pixelDelta());
    if ((event->modifiers() & Qt::ShiftModifier) && by.x() == 0) by = {by.y(), 0};
    m_camera.panBy(by);
  } else {
    m_camera.zoomAt(event->position(), std::pow(zoomStep, turn.y() / 120.0));
  }
  cameraMoved();
}

bool GraphView::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    const auto* help = static_cast<QHelpEvent*>(event);
    if (!showToolTip(help->pos(), help->globalPos())) {
      QToolTip::hideText();
      event->ignore();
    }
    return true;
  }
  if (event->type() == QEvent::NativeGesture && m_scene) {
    const auto* gesture = static_cast<QNativeGestureEvent*>(event);
    if (gesture->gestureType() == Qt::ZoomNativeGesture) {
      m_camera.zoomAt(gesture->position(), 1 + gesture->value());
      m_untouched = false;
      cameraMoved();
      return true;
    }
  }
  if (event->type() == QEvent::PaletteChange) {
    m_colorsFresh = false;
    emit sceneChanged();
    update();
  }
  return QWidget::event(event);
}

bool GraphView::showToolTip(QPoint at, QPoint global) {
  const Hit under = hit(at);
  if (under.box < 0 && under.edge < 0) return false;
  // Inside a large open module everything would say its name: only the title does.
  if (under.box >= 0 && m_scene->box(under.box).kind == SceneBox::Kind::frame) {
    const Rect& frame = m_scene->box(under.box).rect;
    if (m_camera.toScene(QPointF(at)).y() > frame.y + m_scene->options.metrics.frame_title) return false;
  }
  const QString text = under.box >= 0 ? boxTooltip(*m_scene, m_workspace.document(), under.box)
                                      : edgeTooltip(*m_scene, under.edge);
  const QRect area =
      under.box >= 0 ? screenRect(under.box).toAlignedRect() : QRect(at, QSize(1, 1)).adjusted(-6, -6, 6, 6);
  QToolTip::showText(global, text, this, area & rect());
  return true;
}

void GraphView::contextMenuEvent(QContextMenuEvent* event) {
  if (!m_scene) return;
  int box = hit(event->pos()).box;
  if (event->reason() == QContextMenuEvent::Keyboard) box = currentBox();
  if (box >= 0) {
    m_ownClick = true;
    selectBox(box);
    m_ownClick = false;
  }
  const QPoint at = event->reason() == QContextMenuEvent::Keyboard && box >= 0
                        ? mapToGlobal(screenRect(box).center().toPoint())
                        : event->globalPos();
  emit menuRequested(at, box >= 0 ? m_scene->box(box).module : ModuleId());
}

int GraphView::currentBox() const {
  if (!m_scene) return -1;
  const auto& marks = m_decoration.highlight.boxes;
  const auto found = std::find(marks.begin(), marks.end(), GraphMark::Selected);
  return found == marks.end() ? -1 : static_cast<int>(found - marks.begin());
}

/// The nearest box that makes what `box` reads, or reads what it makes.
int GraphView::neighbourAcross(int box, bool down) const {
  const double middle = m_scene->box(box).rect.center_x();
  int best = -1;
  double nearest = std::numeric_limits<double>::infinity();
  for (const SceneEdge& edge : m_scene->layout.edges) {
    // Of an open module: what is outside and connected with its inside.
    const int inner = down ? edge.from : edge.to, outer = down ? edge.to : edge.from;
    if (!m_scene->isInside(inner, box) || m_scene->isInside(outer, box)) continue;
    const double distance = std::abs(m_scene->box(outer).rect.center_x() - middle);
    if (distance >= nearest) continue;
    nearest = distance;
    best = outer;
  }
  return best;
}

/// The nearest box of the same frame to the left or right.
int GraphView::neighbourBeside(int box, bool right) const {
  const SceneBox& from = m_scene->box(box);
  int best = -1;
  double nearest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < m_scene->layout.boxes.size(); ++i) {
    const SceneBox& to = m_scene->layout.boxes[i];
    const double across = to.rect.center_x() - from.rect.center_x();
    if (to.parent != from.parent || static_cast<int>(i) == box || (right ? across <= 0 : across >= 0))
      continue;
    if (to.rect.bottom() < from.rect.y || to.rect.y > from.rect.bottom()) continue;
    if (std::abs(across) >= nearest) continue;
    nearest = std::abs(across);
    best = static_cast<int>(i);
  }
  return best;
}

void GraphView::moveSelection(int key) {
  if (m_scene->layout.boxes.empty()) return;
  const int box = currentBox();
  int next = 0;
  if (box >= 0)
    next = key == Qt::Key_Up || key == Qt::Key_Down ? neighbourAcross(box, key == Qt::Key_Down)
                                                    : neighbourBeside(box, key == Qt::Key_Right);
  if (next >= 0) selectBox(next);
}

void GraphView::focusInEvent(QFocusEvent* event) {
  m_keyboardFocus = event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason;
  QWidget::focusInEvent(event);
  update();
}

void GraphView::focusOutEvent(QFocusEvent* event) {
  m_keyboardFocus = false;
  QWidget::focusOutEvent(event);
  update();
}

void GraphView::keyPressEvent(QKeyEvent* event) {
  if (!m_scene) return QWidget::keyPressEvent(event);
  const int box = currentBox();
  const ModuleId module = box >= 0 && !m_scene->box(box).node.valid() ? m_scene->box(box).module : ModuleId();
  const bool control = event->modifiers() & Qt::ControlModifier,
             shift = event->modifiers() & Qt::ShiftModifier;
  const auto pan = [this](double x, double y) {
    m_camera.panBy({x, y});
    m_untouched = false;
    cameraMoved();
  };
  switch (event->key()) {
    case Qt::Key_Up:
    case Qt::Key_Down:
    case Qt::Key_Left:
    case Qt::Key_Right: {
      if (event->modifiers() & Qt::AltModifier) return QWidget::keyPressEvent(event);  // back and forward
      const int key = event->key();
      if (!shift) return moveSelection(key);
      return pan(key == Qt::Key_Left    ? panStep
                 : key == Qt::Key_Right ? -panStep
                                        : 0,
                 key == Qt::Key_Up     ? panStep
                 : key == Qt::Key_Down ? -panStep
                                       : 0);
    }
    case Qt::Key_Plus:
    case Qt::Key_Equal:
      if (control) return zoomBy(zoomStep);
      if (module.valid()) setOpen(module, true);
      return;
    case Qt::Key_Minus:
      if (control) return zoomBy(1 / zoomStep);
      if (box >= 0)
        setOpen(isOpen(m_scene->box(box).module) ? m_scene->box(box).module : ModuleTree::root(), false);
      return;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
      if (module.valid()) toggle(module);
      return;
    case Qt::Key_Backspace:  // out of the module
      if (box >= 0 && m_scene->box(box).parent >= 0) selectBox(m_scene->box(box).parent);
      return;
    case Qt::Key_PageUp:
      return pan(0, height() * 0.8);
    case Qt::Key_PageDown:
      return pan(0, -height() * 0.8);
    case Qt::Key_Home:
      return showStart();
    case Qt::Key_F:
      if (shift && box >= 0) return reveal(m_decoration.highlight.rect);
      return fit();
    default:
      QWidget::keyPressEvent(event);
  }
}

}  // namespace lathe
