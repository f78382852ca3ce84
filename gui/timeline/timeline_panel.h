// SPDX-License-Identifier: Apache-2.0
// The view "timeline": tools above, timeline or flame graph in the middle, details below.
#pragma once

#include <QWidget>

#include "gui/document/workspace.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QSplitter;
class QStackedWidget;
class QTimer;
class QToolButton;

namespace lathe {

class FlameView;
class TimelineView;

class TimelinePanel : public QWidget {
  Q_OBJECT
 public:
  explicit TimelinePanel(Workspace& workspace, QWidget* parent = nullptr);

 protected:
  /// Enter and Escape in the search box.
  bool eventFilter(QObject* object, QEvent* event) override;

 private:
  QWidget* makeToolBar();
  QWidget* makeEmptyPage();
  QToolButton* addButton(QLayout* bar, const QString& text, const QString& tip, const char* name);
  QToolButton* makeRecordButton(const char* name);
  void enableWhenReady(QWidget* recordButton);
  void takeTraces();
  void chooseTrace(int row);
  void showFlame(bool flame);
  void updateCount();

  Workspace& m_workspace;
  QComboBox* m_choice = nullptr;
  QLineEdit* m_search = nullptr;
  QLabel* m_count = nullptr;
  QTimer* m_searchDelay;
  QStackedWidget* m_pages;
  QStackedWidget* m_graphs;
  TimelineView* m_timeline;
  FlameView* m_flame;
  QSplitter* m_splitter;
};

}  // namespace lathe
