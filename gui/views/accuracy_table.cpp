// SPDX-License-Identifier: Apache-2.0
#include "gui/views/accuracy_table.h"

#include <QEvent>
#include <QHeaderView>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/document/workspace.h"

namespace lathe {

AccuracyTable::AccuracyTable(Workspace& workspace, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_model(new ModuleAccuracyModel(workspace.document(), this)) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(6);
  m_verdict = new QLabel(this);
  m_verdict->setObjectName(QStringLiteral("accuracyVerdict"));
  m_verdict->setWordWrap(true);
  m_verdict->setTextFormat(Qt::PlainText);
  m_verdict->setTextInteractionFlags(Qt::TextSelectableByMouse);
  column->addWidget(m_verdict);
  m_sorted = new QSortFilterProxyModel(this);
  m_sorted->setSourceModel(m_model);
  m_sorted->setSortRole(ModuleAccuracyModel::SortRole);
  m_view = new QTableView(this);
  m_view->setObjectName(QStringLiteral("accuracyTable"));
  m_view->setModel(m_sorted);
  m_view->setSortingEnabled(true);
  m_view->sortByColumn(ModuleAccuracyModel::Module, Qt::AscendingOrder);
  m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_view->setSelectionMode(QAbstractItemView::SingleSelection);
  m_view->setShowGrid(false);
  m_view->setTabKeyNavigation(false);
  m_view->setWordWrap(false);
  m_view->setTextElideMode(Qt::ElideMiddle);
  m_view->verticalHeader()->hide();
  m_view->verticalHeader()->setDefaultSectionSize(24);
  m_view->horizontalHeader()->setHighlightSections(false);
  m_view->setMinimumHeight(260);
  m_view->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_view->viewport()->installEventFilter(this);
  const std::pair<int, int> widths[] = {
      {ModuleAccuracyModel::Tensor, 150}, {ModuleAccuracyModel::Entering, 76},
      {ModuleAccuracyModel::Leaving, 76}, {ModuleAccuracyModel::Lost, 76},
      {ModuleAccuracyModel::Cosine, 80},  {ModuleAccuracyModel::Largest, 92}};
  for (const auto& [section, width] : widths) m_view->setColumnWidth(section, width);
  column->addWidget(m_view);
  connect(m_view->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
          [this](const QModelIndex& current) {
            const int module = current.data(ModuleAccuracyModel::ModuleRole).toInt();
            if (m_following || !current.isValid() || module < 0 || !m_view->hasFocus()) return;
            m_workspace.selection().selectModule(ModuleId(static_cast<size_t>(module)));
          });
  connect(&workspace.selection(), &Selection::changed, this,
          [this](const Selected& selected) { follow(selected.module); });
  connect(m_model, &QAbstractItemModel::modelReset, this, &AccuracyTable::tell);
  tell();
}

void AccuracyTable::tell() {
  const auto& report = m_workspace.document().conversion();
  if (isEmpty() || !report) {
    m_verdict->clear();
    return;
  }
  const ModuleAccuracy& accuracy = report->module_accuracy;
  const auto name = [&](size_t row) {
    const std::string& module = accuracy.borders[row].module;
    return module.empty() ? m_workspace.document().title() : QString::fromStdString(module);
  };
  QStringList lines;
  if (accuracy.first_wrong)
    lines << tr("It first goes wrong at %1: %2 beside fp32.")
                 .arg(name(*accuracy.first_wrong),
                      decibelText(accuracy.borders[*accuracy.first_wrong].snr_db));
  else
    lines << tr("It goes wrong nowhere: every tensor that leaves a module keeps %1 or more.")
                 .arg(decibelText(wrong_db));
  if (accuracy.steepest)
    lines << tr("Most is lost inside %1: from %2 to %3.")
                 .arg(name(*accuracy.steepest), decibelText(accuracy.borders[*accuracy.steepest].entering_db),
                      decibelText(accuracy.borders[*accuracy.steepest].snr_db));
  lines << (accuracy.samples == 1
                ? tr("Both models ran side by side on one sample of %1.")
                : tr("Both models ran side by side on %1 samples of %2.").arg(accuracy.samples))
               .arg(QString::fromStdString(accuracy.data));
  m_verdict->setText(lines.join(QLatin1Char('\n')));
  showNotable();
}

void AccuracyTable::showNotable() {
  const QModelIndex notable = m_sorted->mapFromSource(m_model->notable());
  if (notable.isValid()) m_view->scrollTo(notable, QAbstractItemView::PositionAtCenter);
}

void AccuracyTable::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  showNotable();  // a table that was never laid out does not scroll
}

void AccuracyTable::fitNames() {
  int numbers = 0;
  for (int column = ModuleAccuracyModel::Tensor; column < ModuleAccuracyModel::ColumnCount; ++column)
    numbers += m_view->columnWidth(column);
  m_view->setColumnWidth(ModuleAccuracyModel::Module, std::max(210, m_view->viewport()->width() - numbers));
}

bool AccuracyTable::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize) fitNames();
  return QWidget::eventFilter(watched, event);
}

void AccuracyTable::follow(ModuleId module) {
  // A module of several borders has the one that was clicked.
  if (m_view->currentIndex().data(ModuleAccuracyModel::ModuleRole).toInt() == static_cast<int>(module.index))
    return;
  const QModelIndex index = m_sorted->mapFromSource(m_model->indexOf(module));
  if (!index.isValid()) return;
  m_following = true;
  m_view->selectRow(index.row());
  m_view->scrollTo(index);
  m_following = false;
}

}  // namespace lathe
