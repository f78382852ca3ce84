// SPDX-License-Identifier: Apache-2.0
// What a conversion or dry run is doing right now, and how the last one ended.
#pragma once

#include <QWidget>
#include <map>

#include "gui/document/workspace.h"

class QLabel;
class QProgressBar;

namespace lathe {

class ConversionProgress : public QWidget {
  Q_OBJECT
 public:
  explicit ConversionProgress(Workspace& workspace, QWidget* parent = nullptr);

 private:
  void begin(bool dryRun);
  void take(const Progress& progress);
  void show(const JobInfo& job);
  void end(bool ok);
  QString counts() const;

  Workspace& m_workspace;
  QLabel* m_stage;
  QLabel* m_counts;
  QProgressBar* m_bar;
  int m_job = 0;
  bool m_dryRun = false;
  std::map<std::string, std::string> m_states;  ///< newest, by module path
  QString m_part;                               ///< the newest message about a module, in words
};

}  // namespace lathe
