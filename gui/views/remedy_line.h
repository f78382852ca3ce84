// SPDX-License-Identifier: Apache-2.0
// One remedy: what it is, what it would bring where that is known, and a button that takes it.
#pragma once

#include <QWidget>

#include "gui/document/workspace.h"

class QLabel;

namespace lathe {

/// Without a button where only a person can do it. Follows the forecasts of the document.
class RemedyLine : public QWidget {
  Q_OBJECT
 public:
  RemedyLine(Workspace& workspace, const Remedy& remedy, QWidget* parent = nullptr);

 private:
  void showForecast();
  Workspace& m_workspace;
  Remedy m_remedy;
  QLabel* m_text;
  QLabel* m_forecast;
};

}  // namespace lathe
