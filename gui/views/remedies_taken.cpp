// SPDX-License-Identifier: Apache-2.0
#include "gui/views/remedies_taken.h"

#include <QGridLayout>
#include <QLabel>

#include "gui/views/field_message.h"

namespace lathe {
namespace {

QString lossText(const AppliedRemedy& remedy) {
  if (!remedy.loss) return {};
  if (*remedy.loss == 0) return RemediesTaken::tr("same outputs");
  return RemediesTaken::tr("outputs differ by %1 at most").arg(*remedy.loss, 0, 'g', 2);
}

}  // namespace

RemediesTaken::RemediesTaken(QWidget* parent) : QWidget(parent), m_grid(new QGridLayout(this)) {
  setObjectName(QStringLiteral("remediesTaken"));
  m_grid->setContentsMargins(0, 0, 0, 0);
  m_grid->setHorizontalSpacing(16);
  m_grid->setVerticalSpacing(4);
  m_grid->setColumnStretch(0, 1);
}

bool RemediesTaken::isEmpty() const {
  return m_grid->count() == 0;
}

void RemediesTaken::setRemedies(const std::vector<AppliedRemedy>& remedies) {
  while (QLayoutItem* item = m_grid->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  int row = 0;
  for (const AppliedRemedy& remedy : remedies) {
    QString text = QString::fromStdString(remedy.text);
    if (!text.isEmpty()) text[0] = text[0].toUpper();
    auto* done = new QLabel(text, this);
    done->setObjectName(QStringLiteral("takenText"));
    done->setWordWrap(true);
    done->setTextFormat(Qt::PlainText);
    done->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* loss = makeHint(lossText(remedy), this);
    loss->setToolTip(tr("Largest difference of an output by its largest element, as measured on samples"));
    m_grid->addWidget(done, row, 0);
    m_grid->addWidget(loss, row++, 1, Qt::AlignRight | Qt::AlignTop);
  }
}

}  // namespace lathe
