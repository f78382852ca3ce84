// SPDX-License-Identifier: Apache-2.0
// What can be done about one problem, each remedy with its button.
#pragma once

#include <QScrollArea>

#include "gui/document/workspace.h"
#include "gui/models/problems_model.h"

namespace lathe {

class RemedyPane : public QScrollArea {
  Q_OBJECT
 public:
  explicit RemedyPane(Workspace& workspace, QWidget* parent = nullptr);
  /// Null: nothing to be said.
  void setProblem(const Problem* problem);

 private:
  Workspace& m_workspace;
};

}  // namespace lathe
