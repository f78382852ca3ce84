// SPDX-License-Identifier: Apache-2.0
// Accuracy by module: where it first goes wrong in a sentence, and every border in a table. One selection
// with the other views.
#pragma once

#include <QWidget>

#include "gui/models/module_accuracy_model.h"

class QLabel;
class QSortFilterProxyModel;
class QTableView;

namespace lathe {

class Workspace;

class AccuracyTable : public QWidget {
  Q_OBJECT
 public:
  explicit AccuracyTable(Workspace& workspace, QWidget* parent = nullptr);
  bool isEmpty() const { return m_model->rowCount() == 0; }

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  void tell();
  void showNotable();
  void fitNames();
  void follow(ModuleId module);

  Workspace& m_workspace;
  ModuleAccuracyModel* m_model;
  QSortFilterProxyModel* m_sorted;
  QLabel* m_verdict;
  QTableView* m_view;
  bool m_following = false;
};

}  // namespace lathe
