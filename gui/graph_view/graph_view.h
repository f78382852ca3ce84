// SPDX-License-Identifier: Apache-2.0
// The graph of the model as boxes that open and close: painted, panned, zoomed and clicked.
#pragma once

#include <QWidget>
#include <memory>
#include <optional>
#include <vector>

#include "gui/document/selection.h"
#include "gui/graph_view/graph_camera.h"
#include "gui/graph_view/graph_colors.h"
#include "gui/graph_view/graph_painter.h"
#include "gui/graph_view/graph_scene.h"
#include "gui/graph_view/graph_search.h"
#include "gui/graph_view/graph_state.h"

namespace lathe {

class Workspace;

/// Lays out in jobs and shows the newest layout; the one before stays until then.
class GraphView : public QWidget {
  Q_OBJECT
 public:
  explicit GraphView(Workspace& workspace, QWidget* parent = nullptr);
  ~GraphView() override;

  /// Null before the first layout.
  const std::shared_ptr<const GraphScene>& scene() const { return m_scene; }
  const GraphColors& colors();
  const GraphCamera& camera() const { return m_camera; }
  /// Boxes of the layout in force: operators, closed and open modules, inputs and outputs. 0 without one.
  int visibleBoxCount() const;
  /// Pixels of this widget; null where the module is hidden in a closed one, and of the root.
  QRect boxRectOnScreen(ModuleId module) const;
  bool isOpen(ModuleId module) const;
  bool isFlat() const { return m_wanted.flat; }

  void setOpen(ModuleId module, bool open);
  void toggle(ModuleId module) { setOpen(module, !isOpen(module)); }
  /// The module with everything under it.
  void setAllOpen(ModuleId module, bool open);
  /// All blocks that are made like it, beside it.
  void openAlike(ModuleId module);
  void openLevel();
  void closeLevel();
  void setFlat(bool flat);

  /// The whole graph, however small.
  void fit();
  /// As much of it from the top as can be read.
  void showStart();
  void zoomBy(double factor);
  void lookAt(QPointF scenePoint);

  void setSearch(const QString& text);
  /// Selects the next (1) or previous (-1) thing found, opening the modules around it.
  void nextMatch(int direction);
  int matchCount() const { return static_cast<int>(m_matches.size()); }
  int currentMatch() const { return m_match; }  ///< from 0; -1: none yet

 signals:
  void sceneChanged();
  void cameraChanged();
  void searchChanged();
  void menuRequested(const QPoint& global, lathe::ModuleId module);

 protected:
  bool event(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;

 private:
  struct Anchor {  ///< what stays where it is on the screen over a new layout
    ModuleId module;
    QPointF screen;  ///< of the middle of its upper side
    bool opening = false;
  };
  struct Hit {
    int box = -1, edge = -1;
  };

  void reset();
  void rememberState() const;
  void layOut(SceneOptions wanted, std::optional<Anchor> anchor, bool start);
  void take(std::shared_ptr<const GraphScene> scene, const std::optional<Anchor>& anchor, bool start);
  Anchor anchorAt(ModuleId module) const;
  void applyAnchor(const Anchor& anchor);
  void followSelection();
  void updateHighlight();
  /// Scrolls, and zooms in where it could not be seen, so that a part of the scene is in the window.
  void reveal(const QRectF& rect);
  void cameraMoved();
  QRectF screenRect(int box) const { return m_camera.toScreen(toQt(m_scene->box(box).rect)); }
  Hit hit(QPointF at) const;
  bool onToggle(int box, QPointF at) const;
  void setHover(Hit hover);
  void select(Hit hit);
  void selectBox(int box);
  int currentBox() const;
  void moveSelection(int key);
  int neighbourAcross(int box, bool down) const;
  int neighbourBeside(int box, bool right) const;
  bool showToolTip(QPoint at, QPoint global);
  QString emptyText() const;

  Workspace& m_workspace;
  std::shared_ptr<const GraphScene> m_scene;
  QString m_path;                        ///< of the model shown
  std::optional<GraphState> m_restored;  ///< how it was left: until the first layout
  SceneOptions m_wanted;                 ///< of the newest layout asked for
  GraphCamera m_camera;
  GraphDecoration m_decoration;
  GraphColors m_colors;
  bool m_colorsFresh = false;
  bool m_ownClick = false;  ///< the selection changes by a click here: do not scroll
  bool m_untouched = true;  ///< the camera is where the view put it: resizing may move it
  QString m_error;
  QString m_search;
  std::vector<GraphMatch> m_matches;
  int m_match = -1;
  bool m_revealAfterLayout = false;
  QPointF m_pressed, m_last;
  bool m_keyboardFocus = false;  ///< came by Tab: shown
  bool m_panning = false, m_dragged = false;
};

}  // namespace lathe
