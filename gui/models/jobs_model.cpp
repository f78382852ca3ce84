// SPDX-License-Identifier: Apache-2.0
#include "gui/models/jobs_model.h"

#include <algorithm>

#include "gui/widgets/format.h"

namespace lathe {
namespace {

constexpr size_t keptRows = 100;

QString stateName(JobInfo::State state) {
  switch (state) {
    case JobInfo::State::Running:
      return JobsModel::tr("Running");
    case JobInfo::State::Done:
      return JobsModel::tr("Done");
    case JobInfo::State::Failed:
      return JobsModel::tr("Failed");
    case JobInfo::State::Cancelled:
      break;
  }
  return JobsModel::tr("Cancelled");
}

}  // namespace

JobsModel::JobsModel(const JobRunner& jobs, QObject* parent) : QAbstractTableModel(parent), m_jobs(jobs) {
  for (const auto signal : {&JobRunner::started, &JobRunner::changed, &JobRunner::finished})
    connect(&jobs, signal, this, &JobsModel::take);
  for (const JobInfo& job : jobs.jobs()) take(job.id);
}

void JobsModel::take(int id) {
  const JobInfo* job = m_jobs.find(id);
  if (job == nullptr || job->title.isEmpty()) return;  // without a title: work behind a view, not to be shown
  const auto found =
      std::find_if(m_rows.begin(), m_rows.end(), [id](const JobInfo& row) { return row.id == id; });
  if (found != m_rows.end()) {
    *found = *job;
    return emitRow(static_cast<int>(found - m_rows.begin()));
  }
  beginInsertRows({}, 0, 0);
  m_rows.insert(m_rows.begin(), *job);
  endInsertRows();
  if (m_rows.size() <= keptRows || m_rows.back().state == JobInfo::State::Running) return;
  const int last = static_cast<int>(m_rows.size()) - 1;
  beginRemoveRows({}, last, last);
  m_rows.pop_back();
  endRemoveRows();
}

void JobsModel::emitRow(int row) {
  emit dataChanged(index(row, 0), index(row, ColumnCount - 1));
}

void JobsModel::tick() {
  for (size_t row = 0; row < m_rows.size(); ++row)
    if (m_rows[row].state == JobInfo::State::Running) emitRow(static_cast<int>(row));
}

int JobsModel::runningCount() const {
  return static_cast<int>(std::count_if(
      m_rows.begin(), m_rows.end(), [](const JobInfo& job) { return job.state == JobInfo::State::Running; }));
}

int JobsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int JobsModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

QVariant JobsModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const JobInfo& job = m_rows[static_cast<size_t>(index.row())];
  const bool running = job.state == JobInfo::State::Running;
  const qint64 elapsed = running ? job.started.elapsed() : job.elapsedMs;
  switch (role) {
    case Qt::DisplayRole: {
      switch (index.column()) {
        case Title:
          return job.title;
        case State:
          return stateName(job.state);
        case Progress:
          return !running ? QString() : job.fraction >= 0 ? formatPercent(job.fraction) : tr("working…");
        case Message:
          return job.state == JobInfo::State::Done ? QString() : job.text;  // its last step says nothing now
        case Time:
          return formatDuration(static_cast<double>(elapsed) * 1e6);
      }
      return {};
    }
    case Qt::ToolTipRole:
      return QStringLiteral("<p>%1</p>")
          .arg(
              (job.text.isEmpty() ? job.title : job.title + QStringLiteral(": ") + job.text).toHtmlEscaped());
    case Qt::TextAlignmentRole:
      return QVariant((index.column() == Time ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    case JobRole:
      return job.id;
    case StateRole:
      return static_cast<int>(job.state);
    case FractionRole:
      return running ? job.fraction : -1.0;
    default:
      return {};
  }
}

QVariant JobsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  const QString titles[ColumnCount] = {tr("Job"),     tr("State"), tr("Progress"),
                                       tr("Message"), tr("Time"),  QString()};
  if (role == Qt::DisplayRole) return titles[section];
  if (role == Qt::TextAlignmentRole)
    return QVariant((section == Time ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  return {};
}

}  // namespace lathe
