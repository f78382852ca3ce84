// SPDX-License-Identifier: Apache-2.0
// Jobs, running and over, newest first, each with its progress and a way to cancel it.
#include <QCoreApplication>
#include <QHeaderView>
#include <QTimer>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/document/workspace.h"
#include "gui/models/jobs_model.h"
#include "gui/widgets/bar_delegate.h"
#include "gui/widgets/empty_hint.h"

namespace lathe {
namespace {

class JobsPanel : public QWidget {
  Q_DECLARE_TR_FUNCTIONS(lathe::JobsPanel)
 public:
  JobsPanel(Workspace& workspace, QWidget* parent);

 private:
  void makeList();
  /// A button in each running row, none in the others.
  void updateButtons();

  Workspace& m_workspace;
  JobsModel* m_model;
  QTreeView* m_list;
  QTimer* m_clock;
};

JobsPanel::JobsPanel(Workspace& workspace, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_model(new JobsModel(workspace.jobs(), this)),
      m_list(new QTreeView(this)),
      m_clock(new QTimer(this)) {
  setObjectName(QStringLiteral("jobsPanel"));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  makeList();
  column->addWidget(m_list);
  m_clock->setInterval(200);
  connect(m_clock, &QTimer::timeout, m_model, &JobsModel::tick);
  connect(m_model, &QAbstractItemModel::rowsInserted, this, &JobsPanel::updateButtons);
  connect(&workspace.jobs(), &JobRunner::finished, this, &JobsPanel::updateButtons);
  updateButtons();
}

void JobsPanel::makeList() {
  m_list->setObjectName(QStringLiteral("jobsView"));
  m_list->setAccessibleName(tr("Jobs"));
  m_list->setModel(m_model);
  m_list->setRootIsDecorated(false);
  m_list->setUniformRowHeights(true);
  m_list->setAllColumnsShowFocus(true);
  m_list->setItemDelegateForColumn(JobsModel::Progress, new BarDelegate(JobsModel::FractionRole, -1, m_list));
  new EmptyHint(m_list, tr("No jobs yet. Opening, profiling and converting show up here."));
  QHeaderView* header = m_list->header();
  header->setStretchLastSection(false);
  header->setSectionResizeMode(JobsModel::Message, QHeaderView::Stretch);
  const int digit = fontMetrics().horizontalAdvance(QLatin1Char('0'));
  for (const auto& [section, digits] :
       {std::pair(JobsModel::Title, 44), std::pair(JobsModel::State, 12), std::pair(JobsModel::Progress, 16),
        std::pair(JobsModel::Time, 10), std::pair(JobsModel::Cancel, 12)})
    header->resizeSection(section, digits * digit);
}

void JobsPanel::updateButtons() {
  for (int row = 0; row < m_model->rowCount(); ++row) {
    const QModelIndex index = m_model->index(row, JobsModel::Cancel);
    const bool running =
        index.data(JobsModel::StateRole).toInt() == static_cast<int>(JobInfo::State::Running);
    QWidget* shown = m_list->indexWidget(index);
    if (running == (shown != nullptr)) continue;
    if (!running) {
      m_list->setIndexWidget(index, nullptr);
      continue;
    }
    auto* cancel = new QToolButton(m_list);
    cancel->setText(tr("Cancel"));
    const int id = index.data(JobsModel::JobRole).toInt();
    cancel->setObjectName(QStringLiteral("cancelJob%1").arg(id));
    connect(cancel, &QToolButton::clicked, this, [this, id, cancel] {
      cancel->setEnabled(false);
      cancel->setText(tr("Stopping"));
      m_workspace.jobs().cancel(id);
    });
    m_list->setIndexWidget(index, cancel);
  }
  if (m_model->runningCount() > 0)
    m_clock->start();
  else
    m_clock->stop();
}

}  // namespace

void register_jobs_panel(ViewRegistry& registry) {
  registry.add({QStringLiteral("jobs"), QCoreApplication::translate("views", "Jobs"),
                ViewEntry::Place::Bottom,
                [](Workspace& workspace, QWidget* parent) { return new JobsPanel(workspace, parent); }});
}

}  // namespace lathe
