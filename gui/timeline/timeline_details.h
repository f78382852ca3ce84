// SPDX-License-Identifier: Apache-2.0
// Below the timeline: what is selected, and where the time within it went.
#pragma once

#include <QSplitter>

#include "gui/document/workspace.h"
#include "gui/timeline/sums_model.h"

class QLabel;
class QTableView;
class QTreeWidget;

namespace lathe {

class TimelineDetails : public QSplitter {
  Q_OBJECT
 public:
  explicit TimelineDetails(Workspace& workspace, QWidget* parent = nullptr);

  const SumsModel& sums() const { return *m_sums; }

 protected:
  void changeEvent(QEvent* event) override;

 private:
  const Trace* trace(int index) const;
  void follow(const Selected& selected);
  void showSlice(int trace, SliceId slice);
  void showRange(int trace, TraceRange range);
  void showMatches(const Selected& selected);
  void showWhole();
  void showSums(int trace, TraceRange range);
  void takeSums(SliceSums sums);
  void add(const QString& name, const QString& value, const QString& tip = {});
  void addArguments(const Trace& trace, SliceId slice);
  void addAlike(const Trace& trace, SliceId slice);
  void setTitle(const QString& title);
  void selectLongest(const QModelIndex& index);

  Workspace& m_workspace;
  QLabel* m_title;
  QTreeWidget* m_properties;
  QLabel* m_sumsTitle;
  QTableView* m_table;
  SumsModel* m_sums;
  int m_trace = -1;  ///< that the sums are of
};

}  // namespace lathe
