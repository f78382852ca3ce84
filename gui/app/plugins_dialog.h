// SPDX-License-Identifier: Apache-2.0
// Libraries of custom operators: which are loaded, loading another, and which to load at every start.
#pragma once

#include <QDialog>

#include "gui/document/plugins.h"

class QCheckBox;
class QLabel;
class QPushButton;
class QTreeWidget;
class QTreeWidgetItem;

namespace lathe {

class PathEdit;

class PluginsDialog : public QDialog {
  Q_OBJECT
 public:
  explicit PluginsDialog(Plugins& plugins, QWidget* parent = nullptr);

 private:
  QWidget* makeLoader();
  void makeList();
  void load();
  void refresh();
  QTreeWidgetItem* addFile(const QString& file);

  Plugins& m_plugins;
  PathEdit* m_file;
  QCheckBox* m_atStart;
  QPushButton* m_load;
  QLabel* m_empty;
  QTreeWidget* m_list;
};

}  // namespace lathe
