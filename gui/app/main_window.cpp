// SPDX-License-Identifier: Apache-2.0
#include "gui/app/main_window.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QCloseEvent>
#include <QComboBox>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QLabel>
#include <QMenuBar>
#include <QMimeData>
#include <QProgressBar>
#include <QScreen>
#include <QSettings>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTabWidget>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/app/export_dialog.h"
#include "gui/app/notice_bar.h"
#include "gui/app/start_page.h"
#include "gui/view_list.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

QStringList localFiles(const QMimeData* data) {
  QStringList files;
  for (const QUrl& url : data->urls())
    if (url.isLocalFile()) files << url.toLocalFile();
  return files;
}

Qt::DockWidgetArea areaOf(ViewEntry::Place place) {
  switch (place) {
    case ViewEntry::Place::Left:
      return Qt::LeftDockWidgetArea;
    case ViewEntry::Place::Right:
      return Qt::RightDockWidgetArea;
    default:
      return Qt::BottomDockWidgetArea;
  }
}

}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent), m_workspace(new Workspace(this)) {
  setObjectName(QStringLiteral("mainWindow"));
  setAcceptDrops(true);
  setDockNestingEnabled(true);
  resize(QSize(1600, 1000).boundedTo(screen()->availableSize()));

  auto* centre = new QWidget(this);
  auto* column = new QVBoxLayout(centre);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  m_notices = new NoticeBar(centre);
  m_pages = new QStackedWidget(centre);
  column->addWidget(m_notices);
  column->addWidget(m_pages, 1);
  setCentralWidget(centre);
  m_pages->addWidget(new StartPage(*m_workspace, m_pages));
  m_tabs = new QTabWidget(m_pages);
  m_tabs->setObjectName(QStringLiteral("centreTabs"));
  m_tabs->setDocumentMode(true);
  m_pages->addWidget(m_tabs);

  makeViews();
  makeMenus();
  makeToolBar();
  makeStatusBar();

  connect(m_workspace, &Workspace::noticed, m_notices, &NoticeBar::show);
  connect(m_workspace, &Workspace::viewRequested, this, &MainWindow::showView);
  const auto somethingOpen = [this] {
    const bool any = m_workspace->document().model() != nullptr || !m_workspace->document().traces().empty();
    m_pages->setCurrentIndex(any ? 1 : 0);
    for (QDockWidget* dock : std::as_const(m_docks)) dock->setVisible(any);
    updateTitle();
  };
  connect(&m_workspace->document(), &Document::modelChanged, this, somethingOpen);
  connect(&m_workspace->document(), &Document::tracesChanged, this, [this, somethingOpen] {
    if (m_pages->currentIndex() == 0) somethingOpen();
  });
  somethingOpen();
}

MainWindow::~MainWindow() = default;

void MainWindow::makeViews() {
  ViewRegistry registry;
  register_all_views(registry);
  QHash<int, QDockWidget*> firstOf;
  for (const ViewEntry& entry : registry.views()) {
    if (entry.place == ViewEntry::Place::Centre) {
      QWidget* page = entry.make(*m_workspace, m_tabs);
      m_tabs->addTab(page, entry.title);
      m_pagesById[entry.id] = page;
      continue;
    }
    auto* dock = new QDockWidget(entry.title, this);
    dock->setObjectName(entry.id + QStringLiteral("Dock"));
    dock->setWidget(entry.make(*m_workspace, dock));
    addDockWidget(areaOf(entry.place), dock);
    if (QDockWidget* first = firstOf.value(static_cast<int>(entry.place)))
      tabifyDockWidget(first, dock);
    else
      firstOf[static_cast<int>(entry.place)] = dock;
    m_docks[entry.id] = dock;
  }
  // Tabs of docks exist only once the window is laid out: raised earlier, any of them may end up in front.
  const auto raiseFirst = [firstOf] {
    for (QDockWidget* first : firstOf) first->raise();
  };
  QMetaObject::invokeMethod(this, raiseFirst, Qt::QueuedConnection);
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
  QList<QDockWidget*> docks{firstOf.value(static_cast<int>(ViewEntry::Place::Left)),
                            firstOf.value(static_cast<int>(ViewEntry::Place::Right))};
  docks.removeAll(nullptr);
  if (docks.size() == 2) resizeDocks(docks, {420, 380}, Qt::Horizontal);
  if (QDockWidget* bottom = firstOf.value(static_cast<int>(ViewEntry::Place::Bottom)))
    resizeDocks({bottom}, {200}, Qt::Vertical);
}

void MainWindow::showView(const QString& id) {
  if (QWidget* page = m_pagesById.value(id)) m_tabs->setCurrentWidget(page);
  if (QDockWidget* dock = m_docks.value(id)) {
    dock->show();
    dock->raise();
  }
}

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

void MainWindow::makeStatusBar() {
  m_jobText = new QLabel(this);
  m_jobProgress = new QProgressBar(this);
  m_jobProgress->setFixedWidth(180);
  m_jobProgress->setTextVisible(false);
  m_jobCancel = new QToolButton(this);
  m_jobCancel->setText(tr("Cancel"));
  m_jobCancel->setObjectName(QStringLiteral("cancelJobButton"));
  statusBar()->addWidget(m_jobText, 1);
  statusBar()->addPermanentWidget(m_jobProgress);
  statusBar()->addPermanentWidget(m_jobCancel);
  connect(m_jobCancel, &QToolButton::clicked, this, [this] { m_workspace->jobs().cancel(m_shownJob); });
  for (const auto signal : {&JobRunner::started, &JobRunner::changed, &JobRunner::finished})
    connect(&m_workspace->jobs(), signal, this, [this] { updateJobs(); });
  updateJobs();
}

void MainWindow::updateJobs() {
  const JobInfo* shown = nullptr;
  for (const JobInfo& job : m_workspace->jobs().jobs())
    if (job.state == JobInfo::State::Running && !job.title.isEmpty()) shown = &job;
  m_shownJob = shown != nullptr ? shown->id : 0;
  m_jobProgress->setVisible(shown != nullptr);
  m_jobCancel->setVisible(shown != nullptr);
  if (shown == nullptr) {
    m_jobText->setText(tr("Ready"));
    return;
  }
  m_jobText->setText(shown->text.isEmpty() ? shown->title
                                           : shown->title + QStringLiteral(" — ") + shown->text);
  m_jobProgress->setRange(0, shown->fraction < 0 ? 0 : 1000);
  m_jobProgress->setValue(static_cast<int>(shown->fraction * 1000));
}

void MainWindow::updateTitle() {
  const QString title = m_workspace->document().title();
  setWindowTitle(title.isEmpty() ? tr("Lathe") : title + QStringLiteral(" — Lathe"));
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

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (localFiles(event->mimeData()).isEmpty()) return;
  event->acceptProposedAction();
  statusBar()->showMessage(tr("Drop to open"));
}

void MainWindow::dragLeaveEvent(QDragLeaveEvent* event) {
  statusBar()->clearMessage();
  QMainWindow::dragLeaveEvent(event);
}

void MainWindow::dropEvent(QDropEvent* event) {
  statusBar()->clearMessage();
  const QStringList files = localFiles(event->mimeData());
  if (files.isEmpty()) return;
  event->acceptProposedAction();
  m_workspace->open(files);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  QSettings().setValue(QStringLiteral("geometry"), saveGeometry());
  QMainWindow::closeEvent(event);
}

}  // namespace lathe
