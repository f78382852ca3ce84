// SPDX-License-Identifier: Apache-2.0
// What the window shows before anything is open: a drop zone, recent files, the bundled examples.
#pragma once

#include <QWidget>

class QVBoxLayout;

namespace lathe {

class Workspace;

class StartPage : public QWidget {
  Q_OBJECT
 public:
  StartPage(Workspace& workspace, QWidget* parent = nullptr);

 private:
  void fillRecent();
  void openDialog(const QString& filter);
  Workspace& m_workspace;
  QVBoxLayout* m_recent;
};

/// Where the bundled examples are, or empty.
QString examplesFolder();

}  // namespace lathe
