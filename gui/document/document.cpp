// SPDX-License-Identifier: Apache-2.0
#include "gui/document/document.h"

#include <QFileInfo>
#include <QUndoCommand>

namespace lathe {
namespace {

/// Settings are small: an edit keeps both whole.
class EditConfiguration : public QUndoCommand {
 public:
  EditConfiguration(Document& document, const QString& text, Configuration before, Configuration after)
      : QUndoCommand(text), m_document(document), m_before(std::move(before)), m_after(std::move(after)) {}
  void undo() override { m_document.setConfiguration(m_before); }
  void redo() override { m_document.setConfiguration(m_after); }

 private:
  Document& m_document;
  Configuration m_before, m_after;
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

Document::Document(QObject* parent) : QObject(parent) {}

QString Document::title() const {
  return QFileInfo(m_path).fileName();
}

void Document::editConfiguration(const QString& text, Configuration configuration) {
  if (to_json(configuration) == to_json(m_configuration)) return;
  m_undo.push(new EditConfiguration(*this, text, m_configuration, std::move(configuration)));
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

void Document::setConversion(std::shared_ptr<const ConvertReport> conversion) {
  m_conversion = std::move(conversion);
  takeOutcomes();
  emit moduleStatesChanged();
  emit conversionChanged();
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
