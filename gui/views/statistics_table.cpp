// SPDX-License-Identifier: Apache-2.0
#include "gui/views/statistics_table.h"

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLineEdit>
#include <QPainter>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/document/workspace.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

/// The share of a row as a bar behind its number.
class ShareDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const QVariant share = index.data(StatisticsModel::BarRole);
    if (share.isValid() && !(option.state & QStyle::State_Selected)) {
      QColor color = theme().accent;
      color.setAlpha(theme().dark ? 80 : 50);
      const QRect area = option.rect.adjusted(2, 3, -2, -3);
      painter->fillRect(QRectF(area.left(), area.top(), area.width() * share.toDouble(), area.height()),
                        color);
    }
    QStyledItemDelegate::paint(painter, option, index);
  }
};

}  // namespace

StatisticsTable::StatisticsTable(Workspace& workspace, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_model(new StatisticsModel(workspace.document(), this)) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(6);
  auto* bar = new QHBoxLayout;
  auto* grouping = new QComboBox(this);
  grouping->setObjectName(QStringLiteral("statisticsGrouping"));
  grouping->addItems({tr("by module"), tr("by class"), tr("by operator")});
  grouping->setToolTip(tr("What a row stands for"));
  auto* filter = new QLineEdit(this);
  filter->setObjectName(QStringLiteral("statisticsFilter"));
  filter->setPlaceholderText(tr("Filter"));
  filter->setClearButtonEnabled(true);
  bar->addWidget(grouping);
  bar->addWidget(filter, 1);
  column->addLayout(bar);
  m_sorted = new QSortFilterProxyModel(this);
  m_sorted->setSourceModel(m_model);
  m_sorted->setSortRole(StatisticsModel::SortRole);
  m_sorted->setFilterCaseSensitivity(Qt::CaseInsensitive);
  m_sorted->setFilterKeyColumn(-1);
  m_view = new QTableView(this);
  m_view->setObjectName(QStringLiteral("statisticsTable"));
  m_view->setModel(m_sorted);
  m_view->setSortingEnabled(true);
  m_view->sortByColumn(StatisticsModel::First, Qt::DescendingOrder);
  m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_view->setSelectionMode(QAbstractItemView::SingleSelection);
  m_view->setShowGrid(false);
  m_view->setTabKeyNavigation(false);
  m_view->setWordWrap(false);
  m_view->setTextElideMode(Qt::ElideMiddle);
  m_view->setItemDelegateForColumn(StatisticsModel::Share, new ShareDelegate(m_view));
  m_view->verticalHeader()->hide();
  m_view->verticalHeader()->setDefaultSectionSize(24);
  m_view->horizontalHeader()->setHighlightSections(false);
  // Above the text: beside it, it would cover the end of a right-aligned title.
  m_view->horizontalHeader()->setStyleSheet(
      QStringLiteral("QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-position: top center; "
                     "width: 8px; height: 5px; }"));
  m_view->setMinimumHeight(340);
  m_view->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_view->viewport()->installEventFilter(this);
  column->addWidget(m_view);
  connect(grouping, &QComboBox::activated, this,
          [this](int i) { setGrouping(static_cast<StatisticsModel::Grouping>(i)); });
  connect(filter, &QLineEdit::textChanged, m_sorted, &QSortFilterProxyModel::setFilterFixedString);
  connect(m_view->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
          [this](const QModelIndex& current) {
            const int module = current.data(StatisticsModel::ModuleRole).toInt();
            if (m_following || !current.isValid() || module < 0 || !m_view->hasFocus()) return;
            m_workspace.selection().selectModule(ModuleId(static_cast<size_t>(module)));
          });
  connect(&workspace.selection(), &Selection::changed, this,
          [this](const Selected& selected) { follow(selected.module); });
  showColumns();
}

void StatisticsTable::setSides(std::vector<StatisticsModel::Side> sides) {
  m_model->setSides(std::move(sides));
  showColumns();
  follow(m_workspace.selection().current().module);
}

void StatisticsTable::setGrouping(StatisticsModel::Grouping grouping) {
  m_model->setGrouping(grouping);
  showColumns();
  follow(m_workspace.selection().current().module);
}

void StatisticsTable::showColumns() {
  const bool modules = m_model->grouping() == StatisticsModel::Grouping::Module;
  const bool two = m_model->sideCount() > 1;
  m_view->setColumnHidden(StatisticsModel::Class, !modules);
  m_view->setColumnHidden(StatisticsModel::State, !modules);
  m_view->setColumnHidden(StatisticsModel::Precision, !modules || !two);
  m_view->setColumnHidden(StatisticsModel::Second, !two);
  m_view->setColumnHidden(StatisticsModel::Change, !two);
  QHeaderView* header = m_view->horizontalHeader();
  header->setSectionResizeMode(QHeaderView::Interactive);
  header->setMinimumSectionSize(40);
  const std::pair<int, int> widths[] = {{StatisticsModel::Class, 120},    {StatisticsModel::State, 68},
                                        {StatisticsModel::Precision, 70}, {StatisticsModel::First, 68},
                                        {StatisticsModel::Second, 68},    {StatisticsModel::Change, 64},
                                        {StatisticsModel::Self, 68},      {StatisticsModel::Share, 60},
                                        {StatisticsModel::Calls, 46},     {StatisticsModel::Rate, 92}};
  for (const auto& [section, width] : widths) m_view->setColumnWidth(section, width);
  fitNames();
}

void StatisticsTable::fitNames() {
  // Names take what the numbers leave, but stay readable: then the table scrolls sideways.
  int numbers = 0;
  for (int column = StatisticsModel::Class; column < StatisticsModel::ColumnCount; ++column)
    if (!m_view->isColumnHidden(column)) numbers += m_view->columnWidth(column);
  m_view->setColumnWidth(StatisticsModel::Name, std::max(210, m_view->viewport()->width() - numbers));
}

bool StatisticsTable::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize) fitNames();
  return QWidget::eventFilter(watched, event);
}

void StatisticsTable::follow(ModuleId module) {
  const QModelIndex source = m_model->indexOf(module);
  if (!source.isValid()) return;
  const QModelIndex index = m_sorted->mapFromSource(source);
  if (!index.isValid() || m_view->currentIndex().row() == index.row()) return;
  m_following = true;
  m_view->selectRow(index.row());
  m_view->scrollTo(index);
  m_following = false;
}

}  // namespace lathe
