// SPDX-License-Identifier: Apache-2.0
#include "gui/graph_view/graph_panel.h"

#include <QClipboard>
#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QShortcut>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/document/workspace.h"
#include "gui/graph_view/graph_export.h"
#include "gui/graph_view/graph_legend.h"
#include "gui/graph_view/graph_view.h"
#include "gui/graph_view/minimap.h"

namespace lathe {
namespace {

QWidget* separator(QWidget* parent) {
  auto* line = new QFrame(parent);
  line->setFrameShape(QFrame::VLine);
  line->setFrameShadow(QFrame::Plain);
  line->setFixedHeight(18);
  line->setForegroundRole(QPalette::Mid);
  return line;
}

}  // namespace

GraphPanel::GraphPanel(Workspace& workspace, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_view(new GraphView(workspace, this)) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  auto* row = new QHBoxLayout;
  row->setContentsMargins(8, 4, 8, 4);
  row->setSpacing(4);
  addSearch(row);
  row->addWidget(separator(this));
  addLevels(row);
  row->addWidget(separator(this));
  addZoom(row);
  row->addStretch(1);
  addColorBy(row);
  addExport(row);
  column->addLayout(row);
  column->addWidget(m_view, 1);
  new Minimap(*m_view);
  new GraphLegend(*m_view, [this] { return hintWithoutColors(); });
  connect(m_view, &GraphView::sceneChanged, this, &GraphPanel::updateState);
  connect(m_view, &GraphView::cameraChanged, this, [this] {
    m_zoom->setText(
        tr("%1 %").arg(m_view->camera().zoom() * 100, 0, 'f', m_view->camera().zoom() < 0.1 ? 1 : 0));
  });
  connect(m_view, &GraphView::searchChanged, this, &GraphPanel::updateSearch);
  connect(m_view, &GraphView::menuRequested, this,
          [this](const QPoint& at, ModuleId module) { showMenu(at, module.index); });
  updateState();
}

QToolButton* GraphPanel::addButton(QHBoxLayout* row, const char* name, const QString& text,
                                   const QString& tip) {
  auto* button = new QToolButton(this);
  button->setObjectName(QLatin1String(name));
  button->setText(text);
  button->setToolTip(tip);
  button->setFocusPolicy(Qt::TabFocus);
  row->addWidget(button);
  m_needModel << button;
  return button;
}

void GraphPanel::addSearch(QHBoxLayout* row) {
  m_search = new QLineEdit(this);
  m_search->setObjectName(QStringLiteral("graphSearch"));
  m_search->setPlaceholderText(tr("Find in the graph"));
  m_search->setToolTip(
      tr("Marks the modules, operators and tensors that bear the text in their names (Ctrl+F). Enter goes to "
         "the next and opens the "
         "modules around it, Shift+Enter to the one before."));
  m_search->setClearButtonEnabled(true);
  m_search->setMinimumWidth(140);
  m_search->setMaximumWidth(260);
  row->addWidget(m_search, 2);
  m_needModel << m_search;
  m_found = new QLabel(this);
  m_found->setObjectName(QStringLiteral("graphFound"));
  m_found->setForegroundRole(QPalette::PlaceholderText);
  m_found->setMinimumWidth(fontMetrics().horizontalAdvance(QStringLiteral("000 / 000")));
  row->addWidget(m_found);
  m_typing.setSingleShot(true);
  m_typing.setInterval(120);
  connect(&m_typing, &QTimer::timeout, this, [this] { m_view->setSearch(m_search->text()); });
  connect(m_search, &QLineEdit::textChanged, this, [this] { m_typing.start(); });
  const auto go = [this](int direction) {
    if (m_typing.isActive()) {
      m_typing.stop();
      m_view->setSearch(m_search->text());
    }
    m_view->nextMatch(direction);
  };
  connect(m_search, &QLineEdit::returnPressed, this,
          [go] { go(QGuiApplication::keyboardModifiers() & Qt::ShiftModifier ? -1 : 1); });
  auto* find = new QShortcut(QKeySequence::Find, this);
  find->setContext(Qt::WidgetWithChildrenShortcut);
  connect(find, &QShortcut::activated, this, [this] {
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
  });
  auto* escape = new QShortcut(Qt::Key_Escape, m_search);
  escape->setContext(Qt::WidgetShortcut);
  connect(escape, &QShortcut::activated, this, [this] {
    m_search->clear();
    m_view->setFocus();
  });
}

void GraphPanel::addLevels(QHBoxLayout* row) {
  auto* open = addButton(row, "graphOpenLevel", tr("Open level"),
                         tr("Opens every closed module that is shown, one level down"));
  auto* close = addButton(row, "graphCloseLevel", tr("Close level"), tr("Closes the innermost open modules"));
  m_flat = addButton(row, "graphFlat", tr("Flat"), tr("All operators at once, without modules"));
  m_flat->setCheckable(true);
  m_needModules << open << close;
  connect(open, &QToolButton::clicked, m_view, &GraphView::openLevel);
  connect(close, &QToolButton::clicked, m_view, &GraphView::closeLevel);
  connect(m_flat, &QToolButton::toggled, m_view, &GraphView::setFlat);
}

void GraphPanel::addZoom(QHBoxLayout* row) {
  auto* out = addButton(row, "graphZoomOut", QStringLiteral("−"), tr("Smaller (Ctrl+−, wheel)"));
  m_zoom = new QLabel(this);
  m_zoom->setAlignment(Qt::AlignCenter);
  m_zoom->setMinimumWidth(fontMetrics().horizontalAdvance(QStringLiteral("400 %")));
  row->addWidget(m_zoom);
  auto* in = addButton(row, "graphZoomIn", QStringLiteral("+"), tr("Larger (Ctrl++, wheel)"));
  auto* fit = addButton(row, "graphFit", tr("Fit"), tr("The whole graph in the window (F)"));
  connect(out, &QToolButton::clicked, this, [this] { m_view->zoomBy(0.8); });
  connect(in, &QToolButton::clicked, this, [this] { m_view->zoomBy(1.25); });
  connect(fit, &QToolButton::clicked, m_view, &GraphView::fit);
}

void GraphPanel::addColorBy(QHBoxLayout* row) {
  auto* by = new QComboBox(this);
  by->setObjectName(QStringLiteral("graphColorBy"));
  by->addItems({tr("Operator kind"), tr("Time"), tr("Precision"), tr("Conversion status")});
  by->setToolTip(tr("What the colours of tree, graph and timeline mean"));
  Coloring& coloring = m_workspace.coloring();
  connect(by, &QComboBox::activated, this, [&coloring](int i) { coloring.setBy(static_cast<ColorBy>(i)); });
  const auto follow = [by, &coloring] { by->setCurrentIndex(static_cast<int>(coloring.by())); };
  connect(&coloring, &Coloring::changed, by, follow);
  follow();
  row->addWidget(by);
  m_needModel << by;
}

void GraphPanel::addExport(QHBoxLayout* row) {
  auto* button = addButton(row, "graphExport", tr("Save picture"), tr("Saves the graph as shown, whole"));
  auto* menu = new QMenu(button);
  for (const char* suffix : {"svg", "png"}) {
    QAction* action = menu->addAction(tr("As %1…").arg(QString::fromLatin1(suffix).toUpper()), this,
                                      [this, suffix] { exportAs(QString::fromLatin1(suffix)); });
    action->setObjectName(QStringLiteral("graphExport_") + QLatin1String(suffix));
  }
  button->setMenu(menu);
  button->setPopupMode(QToolButton::InstantPopup);
}

void GraphPanel::updateState() {
  const bool model = m_workspace.document().model() != nullptr;
  for (QWidget* widget : std::as_const(m_needModel)) widget->setEnabled(model);
  for (QWidget* widget : std::as_const(m_needModules)) widget->setEnabled(model && !m_view->isFlat());
  const QSignalBlocker blocker(m_flat);
  m_flat->setChecked(model && m_view->isFlat());
  if (!model) m_zoom->clear();
}

void GraphPanel::updateSearch() {
  if (m_search->text().trimmed().isEmpty())
    m_found->clear();
  else if (m_view->matchCount() == 0)
    m_found->setText(tr("none"));
  else if (m_view->currentMatch() < 0)
    m_found->setText(tr("%1 found").arg(m_view->matchCount()));
  else
    m_found->setText(tr("%1 / %2").arg(m_view->currentMatch() + 1).arg(m_view->matchCount()));
}

QString GraphPanel::hintWithoutColors() const {
  switch (m_workspace.coloring().by()) {
    case ColorBy::Time:
    case ColorBy::Precision:
      return tr("Profile the model (F5) to see this");
    case ColorBy::Status:
      return tr("Do a dry run (F7) or convert to see this");
    case ColorBy::OperatorKind:
      break;
  }
  return {};
}

void GraphPanel::exportAs(const QString& suffix) {
  if (!m_view->scene()) return;
  const QFileInfo model(m_workspace.document().path());
  const QString file = QFileDialog::getSaveFileName(
      this, tr("Save the graph"), model.completeBaseName() + QStringLiteral("_graph.") + suffix,
      tr("%1 pictures (*.%2)").arg(suffix.toUpper(), suffix));
  if (file.isEmpty()) return;
  const QString named = QFileInfo(file).suffix().isEmpty() ? file + QLatin1Char('.') + suffix : file;
  GraphPicture picture{m_view->scene(), m_view->colors(), theme(), m_workspace.document().title()};
  m_workspace.jobs().start<bool>(
      tr("Write %1").arg(QFileInfo(named).fileName()), QString(),
      [picture = std::move(picture), named](const JobContext& job) -> Result<bool> {
        LATHE_TRY(writeGraph(picture, named, job));
        return true;
      },
      [&workspace = m_workspace, named](Result<bool> result) {
        if (!result) return workspace.notifyError(result.error());
        workspace.notify({Notice::Kind::Success, tr("Wrote %1").arg(named), {}});
        emit workspace.exported(named);
      });
}

void GraphPanel::showMenu(const QPoint& global, quint32 index) {
  const Model* model = m_workspace.document().model();
  const ModuleId module = index == ModuleId::none ? ModuleTree::root() : ModuleId(size_t{index});
  if (model == nullptr || !m_view->scene()) return;
  QMenu menu(this);
  const bool root = module == ModuleTree::root();
  if (!root && !m_view->isFlat()) {
    const bool open = m_view->isOpen(module);
    menu.addAction(open ? tr("Close module") : tr("Open module"), m_view,
                   [=, this] { m_view->toggle(module); });
    const int box = m_view->scene()->moduleBoxes[module.index];
    const int repeats = box < 0 ? 0 : m_view->scene()->repeats[static_cast<size_t>(box)];
    if (repeats > 1 && !open)
      menu.addAction(tr("Open all %1 equal blocks").arg(repeats), m_view,
                     [=, this] { m_view->openAlike(module); });
  }
  if (!m_view->isFlat()) {
    menu.addAction(root ? tr("Open everything") : tr("Open everything inside"), m_view,
                   [=, this] { m_view->setAllOpen(module, true); });
    menu.addAction(root ? tr("Close everything") : tr("Close everything inside"), m_view,
                   [=, this] { m_view->setAllOpen(module, false); });
    menu.addSeparator();
  }
  menu.addAction(tr("Fit in the window"), m_view, &GraphView::fit);
  if (const std::string& path = model->modules[module].path; !path.empty())
    menu.addAction(tr("Copy module path"), this,
                   [path] { QGuiApplication::clipboard()->setText(QString::fromStdString(path)); });
  const NodeId node = m_workspace.selection().current().node;
  if (node.valid())
    menu.addAction(tr("Copy node name"), this, [name = model->graph.node(node).name] {
      QGuiApplication::clipboard()->setText(QString::fromStdString(name));
    });
  menu.exec(global);
}

void register_graph_panel(ViewRegistry& registry) {
  registry.add(
      {QStringLiteral("graph"), GraphPanel::tr("Graph"), ViewEntry::Place::Centre,
       [](Workspace& workspace, QWidget* parent) -> QWidget* { return new GraphPanel(workspace, parent); }});
}

}  // namespace lathe
