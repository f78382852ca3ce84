// SPDX-License-Identifier: Apache-2.0
// The graph's page: tools above, the graph below with legend and minimap.
#pragma once

#include <QTimer>
#include <QWidget>

class QAction;
class QComboBox;
class QHBoxLayout;
class QLabel;
class QLineEdit;
class QToolButton;

namespace lathe {

class GraphView;
class Workspace;

class GraphPanel : public QWidget {
  Q_OBJECT
 public:
  explicit GraphPanel(Workspace& workspace, QWidget* parent = nullptr);

 private:
  QToolButton* addButton(QHBoxLayout* row, const char* name, const QString& text, const QString& tip);
  void addSearch(QHBoxLayout* row);
  void addLevels(QHBoxLayout* row);
  void addZoom(QHBoxLayout* row);
  void addColorBy(QHBoxLayout* row);
  void addExport(QHBoxLayout* row);
  void updateState();
  void updateSearch();
  void exportAs(const QString& suffix);
  void showMenu(const QPoint& global, quint32 module);
  QString hintWithoutColors() const;

  Workspace& m_workspace;
  GraphView* m_view;
  QLineEdit* m_search = nullptr;
  QLabel* m_found = nullptr;
  QLabel* m_zoom = nullptr;
  QTimer m_typing;  ///< until the search follows what is typed
  QList<QWidget*> m_needModel, m_needModules;
  QToolButton* m_flat = nullptr;
};

}  // namespace lathe
