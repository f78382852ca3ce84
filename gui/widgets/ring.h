// SPDX-License-Identifier: Apache-2.0
// The share of modules that converted, as a ring.
#pragma once

#include <QWidget>

namespace lathe {

class Ring : public QWidget {
  Q_OBJECT
 public:
  explicit Ring(QWidget* parent = nullptr);

  void setCounts(int converted, int failed, int keptEager);
  QSize sizeHint() const override { return {64, 64}; }

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  int m_converted = 0, m_failed = 0, m_keptEager = 0;
};

}  // namespace lathe
