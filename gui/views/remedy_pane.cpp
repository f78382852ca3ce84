// SPDX-License-Identifier: Apache-2.0
#include "gui/views/remedy_pane.h"

#include <QVBoxLayout>

#include "gui/views/field_message.h"
#include "gui/views/remedy_line.h"

namespace lathe {

RemedyPane::RemedyPane(Workspace& workspace, QWidget* parent) : QScrollArea(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("remedyPane"));
  setWidgetResizable(true);
  setFrameShape(QFrame::NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFixedWidth(350);
}

void RemedyPane::setProblem(const Problem* problem) {
  auto* content = new QWidget(this);
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(10, 6, 10, 6);
  column->setSpacing(6);
  column->addWidget(makeHeading(tr("What to do"), content));
  if (problem != nullptr && problem->remedies.empty())
    column->addWidget(
        makeHint(problem->remedy.isEmpty() ? tr("Nothing is known.") : problem->remedy, content));
  if (problem != nullptr)
    for (const Remedy& remedy : problem->remedies)
      column->addWidget(new RemedyLine(m_workspace, remedy, content));
  column->addStretch();
  // The old one may hold the button that is being answered.
  if (QWidget* old = takeWidget()) old->deleteLater();
  setWidget(content);
}

}  // namespace lathe
