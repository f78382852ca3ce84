// SPDX-License-Identifier: Apache-2.0
#include "gui/app/notice_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>

#include "gui/widgets/theme.h"

namespace lathe {

NoticeBar::NoticeBar(QWidget* parent) : QFrame(parent), m_text(new QLabel(this)) {
  setObjectName(QStringLiteral("noticeBar"));
  m_text->setObjectName(QStringLiteral("noticeText"));
  m_text->setWordWrap(true);
  m_text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  auto* close = new QToolButton(this);
  close->setText(QStringLiteral("✕"));
  close->setObjectName(QStringLiteral("noticeClose"));
  close->setToolTip(tr("Dismiss"));
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(12, 6, 8, 6);
  row->addWidget(m_text, 1);
  row->addWidget(close, 0, Qt::AlignTop);
  connect(close, &QToolButton::clicked, this, &QWidget::hide);
  hide();
}

void NoticeBar::show(const Notice& notice) {
  const QColor color = notice.kind == Notice::Kind::Error     ? theme().error
                       : notice.kind == Notice::Kind::Success ? theme().success
                                                              : theme().accent;
  setStyleSheet(
      QStringLiteral("#noticeBar { background: %1; border-left: 4px solid %2; border-bottom: 1px solid %3; }")
          .arg(theme().raised.name(), color.name(), theme().border.name()));
  QString html = notice.text.toHtmlEscaped();
  for (const QString& hint : notice.hints)
    html += QStringLiteral("<br><span style='color:%1'>%2</span>")
                .arg(theme().mutedText.name(), hint.toHtmlEscaped());
  m_text->setTextFormat(Qt::RichText);
  m_text->setText(html);
  QFrame::show();
}

}  // namespace lathe
