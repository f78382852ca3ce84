// SPDX-License-Identifier: Apache-2.0
#include "gui/timeline/timeline_panel.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QCoreApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QShortcut>
#include <QSplitter>
#include <QStackedWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/timeline/flame_view.h"
#include "gui/timeline/timeline_details.h"
#include "gui/timeline/timeline_view.h"

namespace lathe {

TimelinePanel::TimelinePanel(Workspace& workspace, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_searchDelay(new QTimer(this)),
      m_pages(new QStackedWidget(this)),
      m_graphs(new QStackedWidget),
      m_timeline(new TimelineView(workspace)),
      m_flame(new FlameView(workspace)),
      m_splitter(new QSplitter(Qt::Vertical)) {
  m_graphs->addWidget(m_timeline);
  m_graphs->addWidget(m_flame);
  m_splitter->addWidget(m_graphs);
  m_splitter->addWidget(new TimelineDetails(workspace));
  m_splitter->setStretchFactor(0, 1);
  m_splitter->setSizes({700, 230});
  m_splitter->setHandleWidth(1);
  auto* page = new QWidget;
  auto* column = new QVBoxLayout(page);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addWidget(makeToolBar());
  column->addWidget(m_splitter, 1);
  m_pages->addWidget(makeEmptyPage());
  m_pages->addWidget(page);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(m_pages);

  m_searchDelay->setSingleShot(true);
  m_searchDelay->setInterval(120);
  connect(m_searchDelay, &QTimer::timeout, this, [this] {
    m_timeline->search(m_search->text().trimmed());
    m_flame->search(m_search->text().trimmed());
  });
  connect(m_timeline, &TimelineView::matchesChanged, this, &TimelinePanel::updateCount);
  connect(&workspace.document(), &Document::tracesChanged, this, &TimelinePanel::takeTraces);
  takeTraces();
}

QToolButton* TimelinePanel::addButton(QLayout* bar, const QString& text, const QString& tip,
                                      const char* name) {
  auto* button = new QToolButton;
  button->setText(text);
  button->setToolTip(tip);
  button->setObjectName(QLatin1String(name));
  bar->addWidget(button);
  return button;
}

void TimelinePanel::enableWhenReady(QWidget* button) {
  // Without a model there is nothing to run; while it runs, once is enough.
  const auto enable = [this, button] {
    button->setEnabled(m_workspace.document().model() != nullptr &&
                       !m_workspace.jobs().running(QStringLiteral("profile")));
  };
  connect(&m_workspace.document(), &Document::modelChanged, button, enable);
  connect(&m_workspace.jobs(), &JobRunner::started, button, enable);
  connect(&m_workspace.jobs(), &JobRunner::finished, button, enable);
  enable();
}

QToolButton* TimelinePanel::makeRecordButton(const char* name) {
  auto* button = new QToolButton;
  button->setObjectName(QLatin1String(name));
  button->setText(tr("Record"));
  button->setToolTip(tr("Run the model and record where the time goes"));
  auto* menu = new QMenu(button);
  const auto add = [&](const QString& text, const QString& tip, RunMode mode) {
    QAction* action = menu->addAction(text);
    action->setToolTip(tip);
    connect(action, &QAction::triggered, this, [this, mode] { m_workspace.profile(mode); });
  };
  menu->setToolTipsVisible(true);
  add(tr("Operator by operator (eager)"), tr("Every operator on its own, as frameworks run it"),
      RunMode::eager);
  add(tr("As one engine"), tr("Compiled ahead for the shapes in force, with fused operators"),
      RunMode::engine);
  button->setMenu(menu);
  button->setPopupMode(QToolButton::MenuButtonPopup);
  button->setStyleSheet(
      QStringLiteral("QToolButton { padding-right: 20px; }"
                     "QToolButton::menu-button { border: none; width: 16px; }"));
  connect(button, &QToolButton::clicked, this, [this] { m_workspace.profile(RunMode::eager); });
  enableWhenReady(button);
  return button;
}

QWidget* TimelinePanel::makeToolBar() {
  auto* bar = new QWidget;
  auto* row = new QHBoxLayout(bar);
  row->setContentsMargins(8, 5, 8, 5);
  row->setSpacing(4);

  auto* group = new QButtonGroup(bar);
  QToolButton* timeline = addButton(row, tr("Timeline"), tr("Slices as they happened"), "timelineMode");
  QToolButton* flame = addButton(
      row, tr("Flame"), tr("Time summed up by what encloses it, of the recording or of the selected range"),
      "flameMode");
  for (QToolButton* button : {timeline, flame}) {
    button->setCheckable(true);
    group->addButton(button);
  }
  timeline->setChecked(true);
  connect(flame, &QToolButton::toggled, this, &TimelinePanel::showFlame);
  row->addSpacing(8);

  m_choice = new QComboBox;
  m_choice->setObjectName(QStringLiteral("timelineTrace"));
  m_choice->setToolTip(
      tr("Which recording is shown. All of them stand on one time axis, each from its own beginning."));
  m_choice->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  connect(m_choice, &QComboBox::activated, this, &TimelinePanel::chooseTrace);
  row->addWidget(m_choice);
  row->addSpacing(8);

  m_search = new QLineEdit;
  m_search->setObjectName(QStringLiteral("timelineSearch"));
  m_search->setPlaceholderText(tr("Search operators, nodes, modules, kernels"));
  m_search->setToolTip(
      tr("Highlights the slices that hold the text. Enter: next, Shift+Enter: previous (Ctrl+F)"));
  m_search->setClearButtonEnabled(true);
  m_search->setMaximumWidth(360);
  m_search->installEventFilter(this);
  connect(m_search, &QLineEdit::textChanged, this, [this] { m_searchDelay->start(); });
  m_search->setMinimumWidth(140);
  row->addWidget(m_search, 5);
  m_count = new QLabel;
  m_count->setObjectName(QStringLiteral("timelineMatchCount"));
  row->addWidget(m_count);
  row->addStretch(1);

  QToolButton* fit = addButton(row, tr("Fit"), tr("Show the whole recording (Home)"), "timelineFit");
  connect(fit, &QToolButton::clicked, this, [this] {
    m_timeline->fit();
    m_flame->fit();
  });
  QToolButton* zoom =
      addButton(row, tr("Zoom to selection"), tr("Make the selected slice or range as wide as the view (F)"),
                "timelineZoom");
  connect(zoom, &QToolButton::clicked, m_timeline, &TimelineView::zoomToSelection);
  connect(flame, &QToolButton::toggled, zoom, &QWidget::setDisabled);
  row->addWidget(makeRecordButton("timelineRecord"));

  auto* find = new QShortcut(QKeySequence::Find, this);
  find->setContext(Qt::WidgetWithChildrenShortcut);
  connect(find, &QShortcut::activated, this, [this] {
    m_search->setFocus();
    m_search->selectAll();
  });
  return bar;
}

QWidget* TimelinePanel::makeEmptyPage() {
  auto* page = new QWidget;
  auto* column = new QVBoxLayout(page);
  auto* title = new QLabel(tr("Nothing recorded yet"));
  QFont font = title->font();
  font.setPointSizeF(font.pointSizeF() * 1.4);
  title->setFont(font);
  title->setAlignment(Qt::AlignCenter);
  auto* text =
      new QLabel(tr("Record a run of the model to see where its time goes, or drop a trace on the window:\n"
                    "Lathe's, PyTorch's, ONNX Runtime's or any Chrome trace."));
  text->setAlignment(Qt::AlignCenter);
  text->setForegroundRole(QPalette::PlaceholderText);
  auto* first = new QPushButton(tr("Record a run"));
  first->setObjectName(QStringLiteral("timelineRecordFirst"));
  first->setProperty("primary", true);
  first->setToolTip(tr("Run the model operator by operator and show where the time goes (F5)"));
  connect(first, &QPushButton::clicked, this, [this] { m_workspace.profile(RunMode::eager); });
  enableWhenReady(first);
  column->addStretch();
  column->addWidget(title);
  column->addWidget(text);
  column->addSpacing(10);
  column->addWidget(first, 0, Qt::AlignCenter);
  column->addStretch();
  return page;
}

bool TimelinePanel::eventFilter(QObject* object, QEvent* event) {
  if (object == m_search && event->type() == QEvent::KeyPress) {
    const auto* key = static_cast<QKeyEvent*>(event);
    if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
      m_searchDelay->stop();
      m_timeline->search(m_search->text().trimmed());
      m_flame->search(m_search->text().trimmed());
      m_timeline->selectNextMatch(!(key->modifiers() & Qt::ShiftModifier));
      return true;
    }
    if (key->key() == Qt::Key_Escape) {
      m_search->clear();
      m_graphs->currentWidget()->setFocus();
      return true;
    }
  }
  return QWidget::eventFilter(object, event);
}

void TimelinePanel::takeTraces() {
  const auto& traces = m_workspace.document().traces();
  m_pages->setCurrentIndex(traces.empty() ? 0 : 1);
  m_choice->clear();
  if (traces.size() == 1) {
    m_choice->addItem(traces.front().label);
  } else {
    m_choice->addItem(tr("All %1 recordings").arg(traces.size()));
    for (size_t i = 0; i < traces.size(); ++i)
      m_choice->addItem(QStringLiteral("%1 · %2").arg(i + 1).arg(traces[i].label));
  }
  m_choice->setEnabled(traces.size() > 1);
  // What was just recorded is shown beside what was there.
  chooseTrace(0);
}

void TimelinePanel::chooseTrace(int row) {
  if (row > 0) m_workspace.document().setActiveTrace(row - 1);
  m_timeline->showOnly(row - 1);
  m_flame->showTrace(row - 1);
}

void TimelinePanel::showFlame(bool flame) {
  m_graphs->setCurrentWidget(flame ? static_cast<QWidget*>(m_flame) : m_timeline);
  m_graphs->currentWidget()->setFocus();
}

void TimelinePanel::updateCount() {
  const int count = m_timeline->highlightedCount();
  m_count->setText(count > 0                 ? tr("%L1 slices highlighted").arg(count)
                   : m_timeline->searching() ? tr("nothing found")
                                             : QString());
}

void register_timeline_panel(ViewRegistry& registry) {
  registry.add({QStringLiteral("timeline"), QCoreApplication::translate("lathe::TimelinePanel", "Timeline"),
                ViewEntry::Place::Centre,
                [](Workspace& workspace, QWidget* parent) { return new TimelinePanel(workspace, parent); }});
}

}  // namespace lathe
