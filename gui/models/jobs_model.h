// SPDX-License-Identifier: Apache-2.0
// Jobs running and over, newest first.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "gui/jobs/job_runner.h"

namespace lathe {

class JobsModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Title, State, Progress, Message, Time, Cancel, ColumnCount };  ///< Cancel: for a button
  enum Role {
    JobRole = Qt::UserRole,  ///< int: JobInfo::id
    StateRole,               ///< int: JobInfo::State
    FractionRole,            ///< double 0..1 while running, else -1; -1 too where it cannot be told
  };

  explicit JobsModel(const JobRunner& jobs, QObject* parent = nullptr);

  int runningCount() const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 public slots:
  /// Shows the time that passed; for a clock.
  void tick();

 private:
  void take(int id);
  void emitRow(int row);
  const JobRunner& m_jobs;
  std::vector<JobInfo> m_rows;  ///< copies, so that rows change only where signals say so
};

}  // namespace lathe
