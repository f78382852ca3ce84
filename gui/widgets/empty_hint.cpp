// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/empty_hint.h"

#include <QAbstractItemModel>
#include <QAbstractItemView>
#include <QEvent>

namespace lathe {

EmptyHint::EmptyHint(QAbstractItemView* view, const QString& text)
    : QLabel(text, view->viewport()), m_view(view) {
  setAlignment(Qt::AlignCenter);
  setWordWrap(true);
  setMargin(16);
  setForegroundRole(QPalette::PlaceholderText);
  setAttribute(Qt::WA_TransparentForMouseEvents);
  view->viewport()->installEventFilter(this);
  QAbstractItemModel* model = view->model();
  connect(model, &QAbstractItemModel::modelReset, this, &EmptyHint::place);
  connect(model, &QAbstractItemModel::layoutChanged, this, &EmptyHint::place);
  connect(model, &QAbstractItemModel::rowsInserted, this, &EmptyHint::place);
  connect(model, &QAbstractItemModel::rowsRemoved, this, &EmptyHint::place);
  place();
}

bool EmptyHint::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize) place();
  return QLabel::eventFilter(watched, event);
}

void EmptyHint::place() {
  setGeometry(m_view->viewport()->rect());
  setVisible(m_view->model()->rowCount(m_view->rootIndex()) == 0);
}

}  // namespace lathe
