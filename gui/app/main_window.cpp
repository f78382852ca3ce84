// SPDX-License-Identifier: Apache-2.0
#include "gui/app/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QLabel>
#include <QMimeData>
#include <QProgressBar>
#include <QScreen>
#include <QSettings>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/app/notice_bar.h"
#include "gui/app/start_page.h"
#include "gui/view_list.h"

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
  const Document& document = m_workspace->document();
  connect(&document, &Document::modelChanged, this, &MainWindow::showPlaces);
  connect(&document, &Document::tracesChanged, this, &MainWindow::showPlaces);
  for (QDockWidget* dock : std::as_const(m_docks)) dock->hide();
  showPlaces();
}

/// The start page without docks, or the views with them. Docks that a person closed stay closed.
void MainWindow::showPlaces() {
  updateTitle();
  const Document& document = m_workspace->document();
  const bool any = document.model() != nullptr || !document.traces().empty();
  if (any == (m_pages->currentIndex() == 1)) return;
  m_pages->setCurrentIndex(any ? 1 : 0);
  for (QDockWidget* dock : std::as_const(m_docks)) dock->setVisible(any);
  // The tabs of docks exist only once the window is laid out: raised earlier, any of them may end up in
  // front.
  const auto raiseFirst = [this] {
    for (QDockWidget* first : std::as_const(m_firstDocks)) first->raise();
  };
  if (any) QMetaObject::invokeMethod(this, raiseFirst, Qt::QueuedConnection);
}

MainWindow::~MainWindow() = default;

void MainWindow::start(const QStringList& paths, bool withPlugins) {
  const auto open = [this, paths] {
    if (!paths.isEmpty()) m_workspace->open(paths);
  };
  if (withPlugins)
    m_workspace->plugins().loadAtStart(open);
  else
    open();
}

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
    QDockWidget*& first = firstOf[static_cast<int>(entry.place)];
    if (first != nullptr)
      tabifyDockWidget(first, dock);
    else
      first = dock;
    m_docks << dock;
  }
  m_firstDocks = firstOf.values();
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
  if (auto* dock = findChild<QDockWidget*>(id + QStringLiteral("Dock"))) {
    dock->show();
    dock->raise();
  }
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
