// SPDX-License-Identifier: Apache-2.0
// What to do next, shown in a list or tree as long as it is empty.
#pragma once

#include <QLabel>

class QAbstractItemView;

namespace lathe {

/// Lies over the viewport of `view`, whose model must have been set. Owned by the view.
class EmptyHint : public QLabel {
  Q_OBJECT
 public:
  EmptyHint(QAbstractItemView* view, const QString& text);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void place();
  QAbstractItemView* m_view;
};

}  // namespace lathe
