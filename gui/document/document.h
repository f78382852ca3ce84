// SPDX-License-Identifier: Apache-2.0
// What the window shows: immutable snapshots, swapped as jobs finish, and the settings being edited.
#pragma once

#include <QObject>
#include <QString>
#include <QUndoStack>
#include <memory>
#include <optional>
#include <vector>

#include "profiler/workflow/workflow.h"

namespace lathe {

/// One recording on the time axis.
struct TraceEntry {
  QString label;  ///< "eager", "engine", "before", "after", or the file's name
  std::shared_ptr<const Trace> trace;
  Statistics statistics;
  TimeBalance balance;   ///< empty latency for foreign traces
  Distribution latency;  ///< no samples for foreign traces
};

TraceEntry entryOf(const QString& label, const Measured& measured);

/// What is known about a module's conversion, live while one runs.
enum class ModuleState : uint8_t { None, Trying, Success, Covered, Failed, Ignored };

/// UI thread only. Changed by Workspace.
class Document : public QObject {
  Q_OBJECT
 public:
  explicit Document(QObject* parent = nullptr);

  /// Null while nothing is open.
  const std::shared_ptr<const OpenedModel>& opened() const { return m_opened; }
  const Model* model() const { return m_opened ? m_opened->model.get() : nullptr; }
  QString path() const { return m_path; }
  QString title() const;

  /// Null before the first dry run or conversion. `isDryRun` when nothing was built.
  const std::shared_ptr<const ConvertReport>& conversion() const { return m_conversion; }
  bool isDryRun() const { return m_conversion && m_conversion->folder.empty(); }
  /// The settings are no longer those that the conversion shown was made with.
  bool isOutdated() const;
  /// What single remedies would bring on top of the conversion shown, as far as that is known.
  const std::vector<Forecast>& forecasts() const { return m_forecasts; }

  const std::vector<TraceEntry>& traces() const { return m_traces; }
  int activeTrace() const { return m_activeTrace; }  ///< whose times tint tree and graph; -1: none
  const TraceEntry* active() const {
    return m_activeTrace < 0 ? nullptr : &m_traces[static_cast<size_t>(m_activeTrace)];
  }

  const Configuration& configuration() const { return m_configuration; }
  QUndoStack& undoStack() { return m_undo; }
  enum class Edit {
    Setting,
    Remedy,  ///< tried out at once: remedyRestored() tells when it was undone or done again
  };
  /// An edit of the settings that can be undone; `text` names it ("exclude decoder").
  void editConfiguration(const QString& text, Configuration configuration, Edit edit = Edit::Setting);

  ModuleState moduleState(ModuleId module) const;
  const ModuleOutcome* outcome(ModuleId module) const;

  // For Workspace.
  void setModel(const QString& path, std::shared_ptr<const OpenedModel> opened);
  /// The same model seen again, e.g. with other shapes: ids stay valid.
  void refreshModel(std::shared_ptr<const OpenedModel> opened);
  /// `settings`: those it was asked for with; its own where that makes no difference.
  void setConversion(std::shared_ptr<const ConvertReport> conversion,
                     std::optional<Configuration> settings = std::nullopt);
  void setForecasts(std::vector<Forecast> forecasts);
  void addTrace(TraceEntry entry);
  void setActiveTrace(int trace);
  void setModuleState(const QString& path, ModuleState state);
  void clearModuleStates();
  void setConfiguration(Configuration configuration);

 signals:
  void modelChanged();    ///< another model: everything before is gone
  void modelRefreshed();  ///< types and costs of the same model
  void conversionChanged();
  void forecastsChanged();
  void tracesChanged();
  void activeTraceChanged();
  void configurationChanged();
  void remedyRestored();  ///< by undo or redo; configurationChanged() came before
  void moduleStatesChanged();

 private:
  void takeOutcomes();
  QString m_path;
  std::shared_ptr<const OpenedModel> m_opened;
  std::shared_ptr<const ConvertReport> m_conversion;
  Configuration m_conversionSettings;
  std::vector<Forecast> m_forecasts;
  std::vector<TraceEntry> m_traces;
  int m_activeTrace = -1;
  Configuration m_configuration;
  QUndoStack m_undo;
  std::vector<ModuleState> m_states;
};

}  // namespace lathe
