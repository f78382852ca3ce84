// SPDX-License-Identifier: Apache-2.0
// The remedies of the configuration, each with a button that takes it back, and whether to look for more.
#pragma once

#include <QWidget>

#include "gui/document/workspace.h"

class QCheckBox;
class QVBoxLayout;

namespace lathe {

/// Follows the document.
class RemediesBox : public QWidget {
  Q_OBJECT
 public:
  explicit RemediesBox(Workspace& workspace, QWidget* parent = nullptr);

 signals:
  /// The person no longer wants this step of the configuration.
  void removeRequested(int step);

 private:
  void refresh();
  QWidget* makeStep(int step);
  Workspace& m_workspace;
  QVBoxLayout* m_steps;
  QCheckBox* m_takesWhatHelps;
};

}  // namespace lathe
