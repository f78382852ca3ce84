// SPDX-License-Identifier: Apache-2.0
// A flame graph: where the time of a recording (or of the selected range) went, summed up by what encloses
// it.
#pragma once

#include <QWidget>
#include <memory>
#include <optional>

#include "gui/document/workspace.h"
#include "gui/timeline/flame_frames.h"
#include "gui/timeline/slice_colors.h"

class QScrollBar;

namespace lathe {

/// Click selects the module or the longest slice of a frame; double-click makes it as wide as the view,
/// Escape or a double-click on its parents goes back. The wheel scrolls.
class FlameView : public QWidget {
  Q_OBJECT
 public:
  explicit FlameView(Workspace& workspace, QWidget* parent = nullptr);

  /// Of a trace; -1: of the active one.
  void showTrace(int trace);
  void search(const QString& text);
  void fit();  ///< the whole recording, unzoomed
  const FlameFrames& frames() const { return m_frames; }
  QRect frameRect(size_t frame) const;  ///< in this widget; null when it is too narrow to be drawn
  QSize minimumSizeHint() const override { return {320, 160}; }

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void showEvent(QShowEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void changeEvent(QEvent* event) override;
  bool event(QEvent* event) override;

 private:
  static constexpr int rowHeight = 20, headerHeight = 28;
  const TraceEntry* entry() const;
  int traceIndex() const;
  void invalidate();
  void rebuild();
  void take(FlameFrames frames);
  void updateScrollBar();
  int frameAt(const QPoint& position) const;
  QRectF boxOf(const FlameBox& box) const;
  bool dimmed(const FlameBox& box) const;
  QColor colorOf(const FlameBox& box);
  void paintBox(QPainter& painter, size_t index);
  QString toolTipOf(const FlameBox& box) const;

  Workspace& m_workspace;
  QScrollBar* m_scrollBar;
  int m_trace = -1;
  bool m_stale = true;
  FlameFrames m_frames;
  std::shared_ptr<const Trace> m_framesOf;
  TraceRange m_range;                  ///< that the frames are of
  std::optional<TraceRange> m_chosen;  ///< by selecting it; none: the whole recording
  std::unique_ptr<SliceColors> m_colors;
  int m_zoomed = -1;  ///< the frame that is as wide as the view
  int m_hovered = -1;
  QString m_searchText;
};

}  // namespace lathe
