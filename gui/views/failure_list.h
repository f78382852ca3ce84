// SPDX-License-Identifier: Apache-2.0
// Modules that could not be converted, grouped by cause, with the evidence and what to do about it.
#pragma once

#include <QFrame>
#include <QWidget>
#include <vector>

#include "gui/document/workspace.h"

class QLabel;
class QVBoxLayout;

namespace lathe {

/// Failures that are the same but for where they are.
struct FailureGroup {
  FailureCause cause = FailureCause::build_error;
  QString sentence;
  std::vector<ModuleId> modules;         ///< those where it broke (no child failed) first
  size_t deepest = 0;                    ///< how many of these come first
  const ModuleOutcome* first = nullptr;  ///< of the first module; lives as long as the report
  std::vector<Remedy> remedies;          ///< each once, of the whole group
};
/// Largest group first.
std::vector<FailureGroup> failureGroups(const ConvertReport& report);

/// Follows the document's conversion. Empty (no height) when nothing failed.
class FailureList : public QWidget {
  Q_OBJECT
 public:
  /// Brief leaves out the modules and the evidence, which the tooltips still tell.
  enum class Detail { Brief, Full };
  FailureList(Workspace& workspace, Detail detail, QWidget* parent = nullptr);
  bool isEmpty() const { return m_groups.empty(); }

 signals:
  void refreshed();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void refresh();
  QWidget* makeGroup(const FailureGroup& group);
  QLabel* makeModules(const FailureGroup& group, QWidget* parent);
  QLabel* makeEvidence(const FailureGroup& group, QWidget* parent);
  void addRemedies(const FailureGroup& group, QWidget* box, QVBoxLayout* column);

  Workspace& m_workspace;
  Detail m_detail;
  QVBoxLayout* m_column;
  std::shared_ptr<const ConvertReport> m_report;  ///< what the groups point into
  std::vector<FailureGroup> m_groups;
  QColor m_linkColor;  ///< what links are drawn in: rich text keeps its colours
};

}  // namespace lathe
