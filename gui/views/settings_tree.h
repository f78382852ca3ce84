// SPDX-License-Identifier: Apache-2.0
// The tree of settings: choices in place, one selection with the other views.
#pragma once

#include <QTreeView>

#include "gui/models/settings_tree_model.h"

namespace lathe {

class Workspace;

/// A click on a choice opens its list; F2 does too, Del inherits again.
class SettingsTree : public QTreeView {
  Q_OBJECT
 public:
  explicit SettingsTree(Workspace& workspace, QWidget* parent = nullptr);

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;

 private:
  void expandFirst();
  void follow(ModuleId module);
  Workspace& m_workspace;
  SettingsTreeModel* m_model;
  bool m_following = false;
};

}  // namespace lathe
