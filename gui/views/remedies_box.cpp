// SPDX-License-Identifier: Apache-2.0
#include "gui/views/remedies_box.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "gui/models/remedy_choices.h"

namespace lathe {
namespace {

/// What was done where it has been tried; nothing else says how many nodes it concerned.
QString detailOf(const Document& document, const RemedyStep& step) {
  const auto& report = document.conversion();
  if (!report) return {};
  for (const AppliedRemedy& applied : report->conversion.remedies)
    if (applied.step.kind == step.kind && applied.step.subject == step.subject)
      return QString::fromStdString(applied.text);
  return {};
}

}  // namespace

RemediesBox::RemediesBox(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("remediesBox"));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(6);
  m_steps = new QVBoxLayout;
  m_steps->setSpacing(4);
  column->addLayout(m_steps);
  m_takesWhatHelps = new QCheckBox(tr("Take what helps"), this);
  m_takesWhatHelps->setObjectName(QStringLiteral("takesWhatHelps"));
  m_takesWhatHelps->setToolTip(tr(
      "Dry run and Convert take remedies that failures offer, one after the other, as long as more of the\n"
      "model converts. Each rewrite is compared with the model as it was and taken back where outputs "
      "differ."));
  column->addWidget(m_takesWhatHelps);
  connect(m_takesWhatHelps, &QCheckBox::toggled, &workspace, &Workspace::setTakesWhatHelps);
  Document& document = workspace.document();
  connect(&document, &Document::modelChanged, this, [this] { m_takesWhatHelps->setChecked(false); });
  connect(&document, &Document::configurationChanged, this, &RemediesBox::refresh);
  connect(&document, &Document::conversionChanged, this, &RemediesBox::refresh);
  refresh();
}

void RemediesBox::refresh() {
  while (QLayoutItem* item = m_steps->takeAt(0)) {
    // A click on it may be what is being answered.
    item->widget()->hide();
    item->widget()->deleteLater();
    delete item;
  }
  const auto count = static_cast<int>(m_workspace.document().configuration().remedies.size());
  for (int step = 0; step < count; ++step) m_steps->addWidget(makeStep(step));
}

QWidget* RemediesBox::makeStep(int step) {
  const Document& document = m_workspace.document();
  const RemedyStep& of = document.configuration().remedies[static_cast<size_t>(step)];
  auto* line = new QWidget(this);
  auto* row = new QHBoxLayout(line);
  row->setContentsMargins(0, 0, 0, 0);
  auto* text = new QLabel(stepText(of), line);
  text->setObjectName(QStringLiteral("takenRemedy_") + QString::fromLatin1(to_string(of.kind)));
  text->setWordWrap(true);
  text->setTextFormat(Qt::PlainText);
  text->setToolTip(detailOf(document, of));
  row->addWidget(text, 1);
  auto* remove = new QPushButton(tr("Remove"), line);
  remove->setObjectName(QStringLiteral("removeRemedy_%1").arg(step));
  remove->setAccessibleName(tr("Remove %1").arg(text->text()));
  remove->setToolTip(tr("Do without it; the dry run is made again"));
  row->addWidget(remove, 0, Qt::AlignTop);
  connect(remove, &QPushButton::clicked, this, [this, step] { emit removeRequested(step); });
  return line;
}

}  // namespace lathe
