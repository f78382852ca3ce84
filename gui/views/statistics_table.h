// SPDX-License-Identifier: Apache-2.0
// The statistics table with its grouping and filter; one selection with the other views.
#pragma once

#include <QWidget>

#include "gui/models/statistics_model.h"

class QLineEdit;
class QSortFilterProxyModel;
class QTableView;

namespace lathe {

class Workspace;

class StatisticsTable : public QWidget {
  Q_OBJECT
 public:
  explicit StatisticsTable(Workspace& workspace, QWidget* parent = nullptr);
  void setSides(std::vector<StatisticsModel::Side> sides);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void fitNames();
  void setGrouping(StatisticsModel::Grouping grouping);
  void showColumns();
  void follow(ModuleId module);
  Workspace& m_workspace;
  StatisticsModel* m_model;
  QSortFilterProxyModel* m_sorted;
  QTableView* m_view;
  bool m_following = false;
};

}  // namespace lathe
