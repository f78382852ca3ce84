// SPDX-License-Identifier: Apache-2.0
// What was found wrong, worst first; a double click goes there.
#include <QAbstractItemView>
#include <QApplication>
#include <QClipboard>
#include <QCoreApplication>
#include <QDockWidget>
#include <QEvent>
#include <QHeaderView>
#include <QMenu>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>
#include <array>

#include "gui/app/view_registry.h"
#include "gui/document/workspace.h"
#include "gui/models/problems_model.h"
#include "gui/views/remedy_pane.h"
#include "gui/widgets/empty_hint.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

QColor severityColor(Severity severity) {
  switch (severity) {
    case Severity::error:
      return theme().error;
    case Severity::warning:
      return theme().warning;
    case Severity::note:
      break;
  }
  return theme().mutedText;
}

class SeverityDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

 protected:
  void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override {
    QStyledItemDelegate::initStyleOption(option, index);
    const auto severity = static_cast<Severity>(index.data(ProblemsModel::SeverityRole).toInt());
    option->palette.setColor(QPalette::Text, severityColor(severity));
  }
};

class SeverityFilter : public QSortFilterProxyModel {
 public:
  using QSortFilterProxyModel::QSortFilterProxyModel;
  void show(Severity severity, bool shown) {
    m_shown[static_cast<size_t>(severity)] = shown;
    invalidateFilter();
  }

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
    const int severity = sourceModel()->index(row, 0, parent).data(ProblemsModel::SeverityRole).toInt();
    return m_shown[static_cast<size_t>(severity)];
  }

 private:
  std::array<bool, 3> m_shown{true, true, true};
};

class ProblemsPanel : public QWidget {
  Q_DECLARE_TR_FUNCTIONS(lathe::ProblemsPanel)
 public:
  ProblemsPanel(Workspace& workspace, QWidget* parent);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  QLayout* makeToggles();
  void makeList();
  void updateCounts();
  void go(const QModelIndex& index);
  void showRemedies(const QModelIndex& index);
  void showFirst();
  void showMenu(const QPoint& position);

  Workspace& m_workspace;
  ProblemsModel* m_model;
  SeverityFilter* m_filter;
  QTreeView* m_list;
  RemedyPane* m_remedies;
  std::array<QToolButton*, 3> m_toggles{};
};

ProblemsPanel::ProblemsPanel(Workspace& workspace, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_model(new ProblemsModel(workspace.document(), this)),
      m_filter(new SeverityFilter(this)),
      m_list(new QTreeView(this)),
      m_remedies(new RemedyPane(workspace, this)) {
  setObjectName(QStringLiteral("problemsPanel"));
  m_filter->setSourceModel(m_model);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(0);
  row->addLayout(makeToggles());
  makeList();
  row->addWidget(m_list, 1);
  row->addWidget(m_remedies);
  connect(m_model, &QAbstractItemModel::modelReset, this, &ProblemsPanel::updateCounts);
  connect(m_filter, &QAbstractItemModel::modelReset, this, &ProblemsPanel::showFirst);
  connect(m_list->selectionModel(), &QItemSelectionModel::currentChanged, this, &ProblemsPanel::showRemedies);
  updateCounts();
  showFirst();
}

/// Beside the list and not above it: the dock is wide and low.
QLayout* ProblemsPanel::makeToggles() {
  auto* toggles = new QVBoxLayout;
  toggles->setContentsMargins(6, 4, 6, 4);
  toggles->setSpacing(2);
  for (const Severity severity : {Severity::error, Severity::warning, Severity::note}) {
    auto* toggle = new QToolButton(this);
    toggle->setObjectName(QStringLiteral("show") + QString::fromLatin1(to_string(severity)));
    toggle->setCheckable(true);
    toggle->setChecked(true);
    toggle->setToolTip(tr("Show or hide this kind"));
    connect(toggle, &QToolButton::toggled, this,
            [this, severity](bool shown) { m_filter->show(severity, shown); });
    m_toggles[static_cast<size_t>(severity)] = toggle;
    toggle->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    toggles->addWidget(toggle);
  }
  toggles->addStretch();
  return toggles;
}

void ProblemsPanel::makeList() {
  m_list->setObjectName(QStringLiteral("problemsView"));
  m_list->setAccessibleName(tr("Problems"));
  m_list->setModel(m_filter);
  m_list->setRootIsDecorated(false);
  m_list->setUniformRowHeights(true);
  m_list->setAllColumnsShowFocus(true);
  m_list->setContextMenuPolicy(Qt::CustomContextMenu);
  m_list->setItemDelegateForColumn(ProblemsModel::SeverityColumn, new SeverityDelegate(m_list));
  new EmptyHint(m_list, tr("Nothing found. A dry run (F7) tells what would not convert, and why."));
  const int digit = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  QHeaderView* header = m_list->header();
  header->resizeSection(ProblemsModel::SeverityColumn, 10 * digit);
  header->resizeSection(ProblemsModel::Where, 30 * digit);
  for (const int stretched : {ProblemsModel::Message, ProblemsModel::RemedyColumn})
    header->setSectionResizeMode(stretched, QHeaderView::Stretch);
  connect(m_list, &QTreeView::doubleClicked, this, &ProblemsPanel::go);
  connect(m_list, &QTreeView::activated, this, &ProblemsPanel::go);
  connect(m_list, &QWidget::customContextMenuRequested, this, &ProblemsPanel::showMenu);
}

void ProblemsPanel::updateCounts() {
  int all = 0;
  for (const Severity severity : {Severity::error, Severity::warning, Severity::note}) {
    const int count = m_model->count(severity);
    all += count;
    m_toggles[static_cast<size_t>(severity)]->setText(QStringLiteral("%1 %2").arg(count).arg(
        severity == Severity::error     ? tr("errors", nullptr, count)
        : severity == Severity::warning ? tr("warnings", nullptr, count)
                                        : tr("notes", nullptr, count)));
  }
  // So that it can be seen while another dock is in front.
  if (auto* dock = qobject_cast<QDockWidget*>(parentWidget()))
    dock->setWindowTitle(all > 0 ? tr("Problems (%1)").arg(all) : tr("Problems"));
}

void ProblemsPanel::go(const QModelIndex& index) {
  if (!index.isValid()) return;
  const Problem& problem = m_model->problem(m_filter->mapToSource(index).row());
  if (problem.node.valid())
    m_workspace.selection().selectNode(problem.node);
  else if (problem.module.valid())
    m_workspace.selection().selectModule(problem.module);
  else
    return;
  m_workspace.showView(QStringLiteral("inspector"));
}

void ProblemsPanel::showRemedies(const QModelIndex& index) {
  m_remedies->setProblem(index.isValid() ? &m_model->problem(m_filter->mapToSource(index).row()) : nullptr);
}

/// What to do stands beside the list, with buttons, and not in it.
void ProblemsPanel::showFirst() {
  const bool any = m_filter->rowCount() > 0;
  m_remedies->setVisible(any);
  m_list->setColumnHidden(ProblemsModel::RemedyColumn, any);
  m_list->setCurrentIndex(m_filter->index(0, 0));
  showRemedies(m_list->currentIndex());
}

void ProblemsPanel::showMenu(const QPoint& position) {
  const QModelIndex index = m_list->indexAt(position);
  if (!index.isValid()) return;
  QMenu menu(this);
  menu.addAction(tr("Go there"), this, [this, index] { go(index); });
  menu.addAction(tr("Copy"), this, [this, index] {
    QStringList texts;
    for (int i = 0; i < ProblemsModel::ColumnCount; ++i) texts << index.siblingAtColumn(i).data().toString();
    texts.removeAll(QString());
    QApplication::clipboard()->setText(texts.join(QStringLiteral(": ")));
  });
  menu.exec(m_list->viewport()->mapToGlobal(position));
}

void ProblemsPanel::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) m_list->viewport()->update();
  QWidget::changeEvent(event);
}

}  // namespace

void register_problems_panel(ViewRegistry& registry) {
  registry.add({QStringLiteral("problems"), QCoreApplication::translate("views", "Problems"),
                ViewEntry::Place::Bottom,
                [](Workspace& workspace, QWidget* parent) { return new ProblemsPanel(workspace, parent); }});
}

}  // namespace lathe
