// SPDX-License-Identifier: Apache-2.0
// What the main window can be asked for: its menus, its tool bar and the dialogs they open.
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QComboBox>
#include <QDockWidget>
#include <QFileDialog>
#include <QLabel>
#include <QMenuBar>
#include <QSettings>
#include <QTabWidget>
#include <QToolBar>
#include <QToolButton>

#include "gui/app/export_dialog.h"
#include "gui/app/main_window.h"
#include "gui/app/plugins_dialog.h"
#include "gui/widgets/theme.h"

namespace lathe {

QAction* MainWindow::addAction(QMenu* menu, const QString& text, const QKeySequence& keys,
                               std::function<void()> run) {
  QAction* action = menu->addAction(text);
  action->setShortcut(keys);
  connect(action, &QAction::triggered, this, [run = std::move(run)] { run(); });
  return action;
}

void MainWindow::makeMenus() {
  Workspace& w = *m_workspace;
  QMenu* file = menuBar()->addMenu(tr("&File"));
  addAction(file, tr("&Open…"), QKeySequence::Open, [this] { openDialog(); });
  addAction(file, tr("&Export…"), tr("Ctrl+E"), [this] { showExportDialog(); });
  addAction(file, tr("Operator &Plugins…"), {}, [this] { showPluginsDialog(); });
  file->addSeparator();
  addAction(file, tr("&Quit"), QKeySequence::Quit, [this] { close(); });

  QMenu* edit = menuBar()->addMenu(tr("&Edit"));
  QAction* undo = w.document().undoStack().createUndoAction(this, tr("&Undo"));
  undo->setShortcut(QKeySequence::Undo);
  QAction* redo = w.document().undoStack().createRedoAction(this, tr("&Redo"));
  redo->setShortcut(QKeySequence::Redo);
  edit->addAction(undo);
  edit->addAction(redo);

  QMenu* go = menuBar()->addMenu(tr("&Go"));
  addAction(go, tr("&Back"), QKeySequence(Qt::ALT | Qt::Key_Left), [&w] { w.selection().back(); });
  addAction(go, tr("&Forward"), QKeySequence(Qt::ALT | Qt::Key_Right), [&w] { w.selection().forward(); });
  go->addSeparator();
  for (int i = 0; i < m_tabs->count(); ++i)
    addAction(go, m_tabs->tabText(i), QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_1 + i)),
              [this, i] { m_tabs->setCurrentIndex(i); });

  QMenu* run = menuBar()->addMenu(tr("&Run"));
  addAction(run, tr("Profile &eager"), Qt::Key_F5, [&w] { w.profile(RunMode::eager); });
  addAction(run, tr("Profile as one e&ngine"), Qt::Key_F6, [&w] { w.profile(RunMode::engine); });
  run->addSeparator();
  addAction(run, tr("&Dry run"), Qt::Key_F7, [&w] { w.dryRun(); });
  addAction(run, tr("&Convert…"), Qt::Key_F8, [&w] { w.showView(QStringLiteral("convert")); });

  QMenu* view = menuBar()->addMenu(tr("&View"));
  for (QDockWidget* dock : std::as_const(m_docks)) view->addAction(dock->toggleViewAction());
  view->addSeparator();
  QMenu* themes = view->addMenu(tr("&Theme"));
  auto* group = new QActionGroup(this);
  const auto saved = static_cast<ThemeChoice>(QSettings().value(QStringLiteral("theme"), 0).toInt());
  for (const auto& [choice, text] :
       {std::pair(ThemeChoice::System, tr("As the system")), std::pair(ThemeChoice::Light, tr("Light")),
        std::pair(ThemeChoice::Dark, tr("Dark"))}) {
    QAction* action = addAction(themes, text, {}, [choice = choice] {
      QSettings().setValue(QStringLiteral("theme"), static_cast<int>(choice));
      applyTheme(*qApp, choice);
    });
    action->setCheckable(true);
    action->setChecked(choice == saved);
    group->addAction(action);
  }
}

void MainWindow::makeToolBar() {
  Workspace& w = *m_workspace;
  QToolBar* bar = addToolBar(tr("Main"));
  bar->setObjectName(QStringLiteral("mainToolBar"));
  bar->setMovable(false);
  const auto add = [&](const QString& text, const QString& tip, const char* name, std::function<void()> run) {
    auto* button = new QToolButton(bar);
    button->setText(text);
    button->setToolTip(tip);
    button->setObjectName(QLatin1String(name));
    connect(button, &QToolButton::clicked, this, [run = std::move(run)] { run(); });
    bar->addWidget(button);
    return button;
  };
  add(tr("Open"), tr("Open a model, a converted folder or a trace (Ctrl+O)"), "openButton",
      [this] { openDialog(); });
  bar->addSeparator();
  QList<QWidget*> needModel;
  needModel << add(tr("◀"), tr("Back to the selection before (Alt+Left)"), "backButton",
                   [&w] { w.selection().back(); });
  needModel << add(tr("▶"), tr("Forward again (Alt+Right)"), "forwardButton",
                   [&w] { w.selection().forward(); });
  bar->addSeparator();
  needModel << add(tr("Profile"), tr("Run the model operator by operator and show where the time goes (F5)"),
                   "profileButton", [&w] { w.profile(RunMode::eager); });
  needModel << add(tr("Profile engine"),
                   tr("Compile the whole model into one engine, run it and show where the time goes (F6)"),
                   "profileEngineButton", [&w] { w.profile(RunMode::engine); });
  needModel << add(tr("Dry run"), tr("See what would convert and why not, without building anything (F7)"),
                   "dryRunToolButton", [&w] { w.dryRun(); });
  needModel << add(tr("Convert…"), tr("Settings of the conversion (F8)"), "convertToolButton",
                   [&w] { w.showView(QStringLiteral("convert")); });
  needModel << add(tr("Export…"), tr("Take reports, traces, models and pictures away (Ctrl+E)"),
                   "exportButton", [this] { showExportDialog(); });
  auto* space = new QWidget(bar);
  space->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
  bar->addWidget(space);
  bar->addWidget(new QLabel(tr("Colour by "), bar));
  auto* by = new QComboBox(bar);
  by->setObjectName(QStringLiteral("colorBy"));
  by->addItems({tr("operator kind"), tr("time"), tr("precision"), tr("conversion status")});
  by->setToolTip(tr("What the colours of tree, graph and timeline mean"));
  connect(by, &QComboBox::activated, this, [&w](int i) { w.coloring().setBy(static_cast<ColorBy>(i)); });
  connect(&w.coloring(), &Coloring::changed, by,
          [&w, by] { by->setCurrentIndex(static_cast<int>(w.coloring().by())); });
  bar->addWidget(by);
  const auto enable = [&w, needModel] {
    for (QWidget* widget : needModel) widget->setEnabled(w.document().model() != nullptr);
  };
  connect(&w.document(), &Document::modelChanged, this, enable);
  enable();
}

void MainWindow::openDialog() {
  QFileDialog dialog(this, tr("Open models or traces"));
  dialog.setFileMode(QFileDialog::ExistingFiles);
  dialog.setNameFilters({tr("Models and traces (*.onnx *.json *.json.gz)"), tr("All files (*)")});
  if (dialog.exec() == QDialog::Accepted) m_workspace->open(dialog.selectedFiles());
}

void MainWindow::showExportDialog() {
  auto* dialog = new ExportDialog(*m_workspace, this);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->open();
}

void MainWindow::showPluginsDialog() {
  auto* dialog = new PluginsDialog(m_workspace->plugins(), this);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->open();
}

}  // namespace lathe
