// SPDX-License-Identifier: Apache-2.0
// Remedies in the convert panel: taken or asked for where they are offered, tried at once, taken back.
#include <QScrollArea>
#include <utility>

#include "gui/models/remedy_choices.h"
#include "gui/views/convert_panel.h"
#include "gui/views/shapes_box.h"

namespace lathe {

void ConvertPanel::takeRemedy(const Remedy& remedy) {
  if (m_workspace.document().model() == nullptr) return;
  const QString subject = QString::fromStdString(remedy.subject);
  switch (remedyWay(remedy)) {
    case RemedyWay::Apply:
      if (readyToTry())
        tryOut(stepText(stepOf(remedy)), withRemedy(m_workspace.document().configuration(), remedy));
      break;
    case RemedyWay::Edit:
      m_workspace.showView(QStringLiteral("convert"));
      m_scroll->ensureWidgetVisible(m_shapes, 0, 0);
      if (remedy.kind == Remedy::Kind::give_profile)
        m_shapes->editProfile(subject);
      else
        m_shapes->focusInput(subject);
      break;
    case RemedyWay::Person:
      m_workspace.notify({Notice::Kind::Info, remedyText(remedy), {}});
      break;
  }
}

void ConvertPanel::removeRemedy(int step) {
  if (!readyToTry()) return;
  Configuration made = m_workspace.document().configuration();
  if (step < 0 || static_cast<size_t>(step) >= made.remedies.size()) return;
  const QString text = stepText(made.remedies[static_cast<size_t>(step)]);
  made.remedies.erase(made.remedies.begin() + step);
  tryOut(tr("Without: %1").arg(text), std::move(made));
}

/// Nothing that a dry run would end or that it would stumble over; else says what. What was typed is taken.
bool ConvertPanel::readyToTry() {
  if (m_workspace.building()) {
    m_workspace.notify(
        {Notice::Kind::Info, tr("A conversion is under way: cancel it to try something else."), {}});
    return false;
  }
  if (m_shapes->commit()) return true;
  m_workspace.showView(QStringLiteral("convert"));
  m_scroll->ensureWidgetVisible(m_shapes, 0, 0);
  m_workspace.notify({Notice::Kind::Info, tr("A shape in the convert panel is not right yet."), {}});
  return false;
}

void ConvertPanel::tryOut(const QString& text, Configuration configuration) {
  m_workspace.document().editConfiguration(text, std::move(configuration), Document::Edit::Remedy);
  tryAgain(text, tr("Ctrl+Z takes it back."));
}

void ConvertPanel::tryAgain(const QString& what, const QString& hint) {
  const auto& report = m_workspace.document().conversion();
  m_trial = {what, hint, report ? report->conversion.converted : 0};
  m_workspace.dryRun();
}

/// A remedy that undo or redo brought back is tried too, where a dry run is what is shown.
void ConvertPanel::tryRestored() {
  const bool shown = m_workspace.document().isDryRun() || m_workspace.converting();
  if (shown && !m_workspace.building()) tryAgain(tr("Settings restored"), {});
}

/// After a remedy was tried: what it brought, where an error has not told.
void ConvertPanel::tellOutcome(bool ok) {
  const Trial trial = std::exchange(m_trial, {});
  const auto& report = m_workspace.document().conversion();
  if (trial.what.isEmpty() || !ok || !report) return;
  const Conversion& now = report->conversion;
  Notice notice{Notice::Kind::Success,
                tr("%1: %2 of %3 modules would convert, %4 before.")
                    .arg(trial.what)
                    .arg(now.converted)
                    .arg(now.total)
                    .arg(trial.before),
                {}};
  if (!trial.hint.isEmpty()) notice.hints << trial.hint;
  m_workspace.notify(notice);
}

}  // namespace lathe
