// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/card.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QVBoxLayout>

#include "gui/widgets/theme.h"

namespace lathe {

Card::Card(const QString& title, QWidget* parent) : QFrame(parent) {
  m_row = new QHBoxLayout(this);
  m_row->setContentsMargins(14, 10, 14, 10);
  m_row->setSpacing(12);
  auto* column = new QVBoxLayout;
  column->setSpacing(1);
  m_row->addLayout(column, 1);
  m_title = new QLabel(title, this);
  m_value = new QLabel(this);
  m_value->setTextFormat(Qt::PlainText);
  m_value->setTextInteractionFlags(Qt::TextSelectableByMouse);
  QFont large = m_value->font();
  large.setPointSizeF(large.pointSizeF() * 1.5);
  large.setWeight(QFont::DemiBold);
  m_value->setFont(large);
  m_detail = new QLabel(this);
  m_detail->setTextFormat(Qt::PlainText);
  column->addStretch();
  column->addWidget(m_title);
  column->addWidget(m_value);
  column->addWidget(m_detail);
  column->addStretch();
  setSizePolicy(QSizePolicy::MinimumExpanding, QSizePolicy::Fixed);
  setMinimumHeight(92);
  applyColors();
}

void Card::setValue(const QString& value, const QString& detail) {
  m_value->setText(value);
  m_detail->setText(detail);
  m_detail->setVisible(!detail.isEmpty());
  setAccessibleName(m_title->text());
  setAccessibleDescription(value + QLatin1Char(' ') + detail);
}

QString Card::value() const {
  return m_value->text();
}

void Card::setPicture(QWidget* picture) {
  m_row->insertWidget(0, picture);
}

void Card::setTone(Tone tone) {
  m_tone = tone;
  applyColors();
}

void Card::applyColors() {
  // The application's style sheet wins over palettes of labels. Setting one sends PaletteChange, which comes
  // back here: only when it differs.
  const auto paint = [](QLabel* label, const QColor& color) {
    const QString sheet = QStringLiteral("color: %1;").arg(color.name());
    if (label->styleSheet() != sheet) label->setStyleSheet(sheet);
  };
  const Theme& t = theme();
  paint(m_title, t.mutedText);
  paint(m_detail, m_tone == Tone::Good ? t.success : m_tone == Tone::Bad ? t.error : t.mutedText);
}

void Card::changeEvent(QEvent* event) {
  QFrame::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) applyColors();
}

void Card::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(theme().border);
  painter.setBrush(theme().raised);
  painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6);
}

}  // namespace lathe
