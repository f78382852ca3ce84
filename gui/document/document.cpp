// SPDX-License-Identifier: Apache-2.0
#include "gui/document/document.h"

#include <QFileInfo>
#include <QUndoCommand>

namespace lathe {
namespace {

/// Settings are small: an edit keeps both whole.
class EditConfiguration : public QUndoCommand {
 public:
  EditConfiguration(Document& document, const QString& text, Configuration before, Configuration after,
                    Document::Edit edit)
      : QUndoCommand(text),
        m_document(document),
        m_before(std::move(before)),
        m_after(std::move(after)),
        m_edit(edit) {}
  void undo() override { restore(m_before); }
  void redo() override {
    if (m_done) return restore(m_after);
    m_done = true;
    m_document.setConfiguration(m_after);
  }

 private:
  void restore(const Configuration& configuration) {
    m_document.setConfiguration(configuration);
    if (m_edit == Document::Edit::Remedy) emit m_document.remedyRestored();
  }

  Document& m_document;
  Configuration m_before, m_after;
  Document::Edit m_edit;
  bool m_done = false;
};

ModuleState stateOf(ModuleStatus status) {
  switch (status) {
    case ModuleStatus::success:
      return ModuleState::Success;
    case ModuleStatus::covered:
      return ModuleState::Covered;
    case ModuleStatus::failed:
      return ModuleState::Failed;
    case ModuleStatus::ignored:
      return ModuleState::Ignored;
  }
  return ModuleState::None;
}

}  // namespace

TraceEntry entryOf(const QString& label, const Measured& measured) {
  return {label, measured.trace, measured.statistics, measured.balance, measured.latency};
}

Document::Document(QObject* parent) : QObject(parent) {}

QString Document::title() const {
  return QFileInfo(m_path).fileName();
}

void Document::editConfiguration(const QString& text, Configuration configuration, Edit edit) {
  if (to_json(configuration) == to_json(m_configuration)) return;
  m_undo.push(new EditConfiguration(*this, text, m_configuration, std::move(configuration), edit));
}

bool Document::isOutdated() const {
  return m_conversion && to_json(m_conversionSettings) != to_json(m_configuration);
}

void Document::setConfiguration(Configuration configuration) {
  m_configuration = std::move(configuration);
  emit configurationChanged();
}

ModuleState Document::moduleState(ModuleId module) const {
  return module.valid() && module.index < m_states.size() ? m_states[module.index] : ModuleState::None;
}

const ModuleOutcome* Document::outcome(ModuleId module) const {
  return m_conversion ? m_conversion->conversion.find(module) : nullptr;
}

void Document::setModel(const QString& path, std::shared_ptr<const OpenedModel> opened) {
  m_path = path;
  m_opened = std::move(opened);
  m_conversion.reset();
  m_forecasts.clear();
  m_traces.clear();
  m_activeTrace = -1;
  m_undo.clear();
  m_configuration = m_opened ? m_opened->configuration : Configuration{};
  m_states.assign(m_opened ? m_opened->model->modules.modules().size() : 0, ModuleState::None);
  emit modelChanged();
  emit configurationChanged();
  emit tracesChanged();
  emit conversionChanged();
}

void Document::refreshModel(std::shared_ptr<const OpenedModel> opened) {
  m_opened = std::move(opened);
  emit modelRefreshed();
}

void Document::setConversion(std::shared_ptr<const ConvertReport> conversion,
                             std::optional<Configuration> settings) {
  m_conversion = std::move(conversion);
  m_conversionSettings = settings       ? std::move(*settings)
                         : m_conversion ? m_conversion->conversion.configuration
                                        : Configuration();
  m_forecasts = m_conversion ? m_conversion->conversion.forecasts : std::vector<Forecast>();
  takeOutcomes();
  emit moduleStatesChanged();
  emit conversionChanged();
}

void Document::setForecasts(std::vector<Forecast> forecasts) {
  m_forecasts = std::move(forecasts);
  emit forecastsChanged();
}

void Document::takeOutcomes() {
  m_states.assign(m_states.size(), ModuleState::None);
  if (!m_conversion) return;
  for (const ModuleOutcome& outcome : m_conversion->conversion.outcomes)
    if (outcome.module.index < m_states.size()) m_states[outcome.module.index] = stateOf(outcome.status);
}

void Document::addTrace(TraceEntry entry) {
  m_traces.push_back(std::move(entry));
  emit tracesChanged();
  setActiveTrace(static_cast<int>(m_traces.size()) - 1);
}

void Document::setActiveTrace(int trace) {
  if (trace == m_activeTrace || trace >= static_cast<int>(m_traces.size())) return;
  m_activeTrace = trace;
  emit activeTraceChanged();
}

void Document::setModuleState(const QString& path, ModuleState state) {
  if (!m_opened) return;
  const auto module = m_opened->model->modules.find(path.toStdString());
  if (!module || m_states[module->index] == state) return;
  m_states[module->index] = state;
  emit moduleStatesChanged();
}

void Document::clearModuleStates() {
  takeOutcomes();
  emit moduleStatesChanged();
}

}  // namespace lathe
