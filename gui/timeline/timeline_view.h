// SPDX-License-Identifier: Apache-2.0
// The timeline: recordings below each other on one time axis, rows for each thread and depth of nesting.
#pragma once

#include <QPoint>
#include <QWidget>
#include <string_view>

#include "gui/document/workspace.h"
#include "gui/timeline/timeline_painter.h"

class QScrollBar;

namespace lathe {

/// Zoom: wheel, W and S. Pan: Shift or middle button and drag, A and D, horizontal wheel. Scroll: wheel over
/// the labels or with Alt, Up and Down. Click: select a slice; drag: select a range of time. Times of all
/// recordings are counted from their own beginning.
class TimelineView : public QWidget {
  Q_OBJECT
 public:
  explicit TimelineView(Workspace& workspace, QWidget* parent = nullptr);

  /// One trace only, or all of them (-1).
  void showOnly(int trace);
  /// Highlights what holds the text and dims everything else; "" ends it.
  void search(const QString& text);
  /// Selects the next (previous) slice found; false when nothing is.
  bool selectNextMatch(bool forward);
  /// Selects the next (previous) slice of the selected one's lane and name.
  void selectNextAlike(bool forward);
  void fit();
  /// Zooms to the selected slice or range.
  void zoomToSelection();

  /// Slices that belong to what is selected or searched, in the traces shown.
  int highlightedCount() const;
  /// Where a slice is drawn, in this widget: the part in view, or where it would be when nothing is. Null
  /// when its recording is not shown or its lane is closed.
  QRect sliceRect(int trace, SliceId slice) const;
  const TimelineScene& scene() const { return m_scene; }
  bool searching() const { return !m_searchText.isEmpty(); }
  QSize minimumSizeHint() const override { return {320, 160}; }

 signals:
  void matchesChanged();

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void changeEvent(QEvent* event) override;
  bool event(QEvent* event) override;

 private:
  enum class Drag { None, Pressed, Range, Pan };

  const std::vector<TraceEntry>& traces() const { return m_workspace.document().traces(); }
  const Trace* trace(int index) const;
  bool shown(int index) const;
  TimelineAreas areas() const;
  void takeTraces();
  void takeSelection(const Selected& selected);
  void setMatches(std::vector<SliceMatches> matches, bool dimOthers);
  std::vector<SliceMatches> matchesOf(const Selected& selected) const;
  /// Scrolls and pans to the slice, and zooms where it could not be seen or is larger than the window.
  void bringIntoView(const SliceRef& slice);
  /// The first slice that belongs to the selection or the search.
  void bringMatchIntoView();
  void showTimes(int64_t begin, int64_t end);
  void setMap(TimeMap map);
  void setScroll(int y);
  void updateScrollBar();
  SliceRef sliceAt(const QPoint& position) const;
  int traceAt(const QPoint& position) const;
  int64_t durationShown() const;
  void hover(const SliceRef& slice);
  void dragTo(const QPoint& position);
  void stepSlice(bool forward);
  double anchorX() const;
  void startSearch();

  Workspace& m_workspace;
  QScrollBar* m_scrollBar;
  TimelineRows m_rows;
  TimelinePainter m_painter;
  TimelineScene m_scene;
  bool m_fitted = true;  ///< everything is shown, and stays so when the window's size changes
  QString m_searchText;

  bool m_clicking = false;  ///< the selection changes by a click here: what was clicked stays where it is
  Drag m_drag = Drag::None;
  QPoint m_pressed, m_last;
  int m_pressedTrace = -1;
};

/// What a tooltip tells about a slice, as rich text.
QString sliceToolTip(const Trace& trace, SliceId slice);

}  // namespace lathe
