// SPDX-License-Identifier: Apache-2.0
#include "gui/views/remedy_line.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "gui/models/remedy_choices.h"
#include "gui/views/field_message.h"

namespace lathe {
namespace {

QString buttonText(const Remedy& remedy) {
  if (remedyWay(remedy) == RemedyWay::Apply) return RemedyLine::tr("Apply");
  return remedy.kind == Remedy::Kind::give_profile ? RemedyLine::tr("Set range…")
                                                   : RemedyLine::tr("Set shape…");
}

}  // namespace

RemedyLine::RemedyLine(Workspace& workspace, const Remedy& remedy, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_remedy(remedy), m_text(new QLabel(this)) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  auto* texts = new QVBoxLayout;
  texts->setSpacing(1);
  m_text->setWordWrap(true);
  m_text->setTextFormat(Qt::PlainText);
  m_forecast = makeHint(QString(), this);
  m_forecast->setObjectName(QStringLiteral("remedyForecast_") + QString::fromLatin1(to_string(remedy.kind)));
  m_forecast->setToolTip(tr("With this remedy alone, on top of what is set now"));
  texts->addWidget(m_text);
  texts->addWidget(m_forecast);
  row->addLayout(texts, 1);
  if (remedyWay(remedy) != RemedyWay::Person) {
    auto* button = new QPushButton(buttonText(remedy), this);
    button->setObjectName(QStringLiteral("remedyButton_") + QString::fromLatin1(to_string(remedy.kind)));
    button->setToolTip(remedyWay(remedy) == RemedyWay::Apply
                           ? tr("Adds it to the settings and tries it at once; Ctrl+Z takes it back")
                           : tr("Goes to where it is set"));
    row->addWidget(button, 0, Qt::AlignTop);
    connect(button, &QPushButton::clicked, this,
            [this] { m_workspace.requestRemedy(withForecast(m_workspace.document(), m_remedy)); });
  }
  connect(&workspace.document(), &Document::forecastsChanged, this, &RemedyLine::showForecast);
  showForecast();
}

void RemedyLine::showForecast() {
  const Document& document = m_workspace.document();
  m_text->setText(remedyText(withForecast(document, m_remedy)));
  const QString forecast = forecastText(document, m_remedy);
  m_forecast->setText(forecast);
  m_forecast->setVisible(!forecast.isEmpty());
}

}  // namespace lathe
