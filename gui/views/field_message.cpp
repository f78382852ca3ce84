// SPDX-License-Identifier: Apache-2.0
#include "gui/views/field_message.h"

#include <QLabel>
#include <QLineEdit>

#include "gui/widgets/theme.h"

namespace lathe {

void markField(QLineEdit* field, QLabel* message, bool isProblem) {
  // Setting a style sheet sends PaletteChange, which callers answer with this: only when it differs.
  const QString border =
      isProblem ? QStringLiteral("QLineEdit { border: 1px solid %1; }").arg(theme().error.name()) : QString();
  if (field->styleSheet() != border) field->setStyleSheet(border);
  const QString color =
      QStringLiteral("color: %1;").arg((isProblem ? theme().error : theme().mutedText).name());
  if (message->styleSheet() != color) message->setStyleSheet(color);
}

QLabel* makeHeading(const QString& text, QWidget* parent) {
  auto* label = new QLabel(text, parent);
  QFont font = label->font();
  font.setWeight(QFont::DemiBold);
  label->setFont(font);
  return label;
}

QLabel* makeHint(const QString& text, QWidget* parent) {
  auto* label = new QLabel(text, parent);
  label->setWordWrap(true);
  label->setForegroundRole(QPalette::PlaceholderText);
  return label;
}

}  // namespace lathe
