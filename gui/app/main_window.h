// SPDX-License-Identifier: Apache-2.0
// The window: start page or views, docks, menus, notices, drops anywhere.
#pragma once

#include <QHash>
#include <QMainWindow>

#include "gui/document/workspace.h"

class QDockWidget;
class QLabel;
class QProgressBar;
class QStackedWidget;
class QTabWidget;
class QToolButton;

namespace lathe {

class NoticeBar;

class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  /// Opens the files as if dropped on the window, once the operator plugins that a person wants at every
  /// start are loaded.
  void start(const QStringList& paths, bool withPlugins);

 protected:
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dragLeaveEvent(QDragLeaveEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  void closeEvent(QCloseEvent* event) override;

 private:
  void makeViews();
  void makeMenus();
  void makeToolBar();
  void makeStatusBar();
  void showPlaces();
  void showView(const QString& id);
  void showExportDialog();
  void showPluginsDialog();
  void openDialog();
  void updateTitle();
  void updateJobs();
  QAction* addAction(QMenu* menu, const QString& text, const QKeySequence& keys, std::function<void()> run);

  Workspace* m_workspace;
  QStackedWidget* m_pages = nullptr;
  QTabWidget* m_tabs = nullptr;
  NoticeBar* m_notices = nullptr;
  QList<QDockWidget*> m_docks;       ///< in the order of views
  QList<QDockWidget*> m_firstDocks;  ///< in front of their area at first
  QHash<QString, QWidget*> m_pagesById;
  QLabel* m_jobText = nullptr;
  QProgressBar* m_jobProgress = nullptr;
  QToolButton* m_jobCancel = nullptr;
  int m_shownJob = 0;
};

}  // namespace lathe
