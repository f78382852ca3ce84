// SPDX-License-Identifier: Apache-2.0
// What to take away, and where to.
#pragma once

#include <QDialog>

class QCheckBox;
class QLabel;
class QLineEdit;
class QPushButton;

namespace lathe {

class Workspace;

/// The conversion's files into a folder; without a conversion, the trace being shown.
class ExportDialog : public QDialog {
  Q_OBJECT
 public:
  ExportDialog(Workspace& workspace, QWidget* parent = nullptr);

 private:
  void updateState();
  void run();
  Workspace& m_workspace;
  QLineEdit* m_folder;
  QLabel* m_hint;
  QPushButton* m_export;
  std::vector<std::pair<QCheckBox*, QStringList>> m_choices;  ///< and the name patterns they stand for
};

}  // namespace lathe
