// SPDX-License-Identifier: Apache-2.0
// Libraries of custom operators: loaded when a person asks, and at every start where they checked so.
#pragma once

#include <QObject>
#include <QStringList>
#include <functional>
#include <vector>

#include "gui/jobs/job_runner.h"
#include "profiler/workflow/loaded_plugins.h"

namespace lathe {

/// UI thread only. A library runs its code when it is loaded: load() only what a person named.
class Plugins : public QObject {
  Q_OBJECT
 public:
  explicit Plugins(JobRunner& jobs, QObject* parent = nullptr);

  std::vector<LoadedPlugin> loaded() const { return loaded_plugins(); }
  /// Emits loadedOne() or failed().
  void load(const QString& file);
  /// Loads what was checked to be loaded at every start, then calls `then`, whatever came of it.
  void loadAtStart(std::function<void()> then);
  QStringList atStart() const;
  void setAtStart(const QString& file, bool wanted);

 signals:
  void loadedOne(const QString& file);
  void failed(const lathe::Error& error);
  void failedAtStart(const lathe::Error& error);

 private:
  JobRunner& m_jobs;
};

}  // namespace lathe
