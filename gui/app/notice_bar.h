// SPDX-License-Identifier: Apache-2.0
// Messages above the views: what happened, where, and what to do.
#pragma once

#include <QFrame>

#include "gui/document/workspace.h"

class QLabel;

namespace lathe {

/// Hidden until something is shown; the newest message replaces the one before.
class NoticeBar : public QFrame {
  Q_OBJECT
 public:
  explicit NoticeBar(QWidget* parent = nullptr);
  void show(const Notice& notice);

 private:
  QLabel* m_text;
};

}  // namespace lathe
