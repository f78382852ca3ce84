// SPDX-License-Identifier: Apache-2.0
// Fusion, with check boxes that can be seen on a dark background too.
#pragma once

#include <QProxyStyle>

namespace lathe {

class WindowStyle : public QProxyStyle {
  Q_OBJECT
 public:
  WindowStyle();
  void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                     const QWidget* widget) const override;
};

}  // namespace lathe
