// SPDX-License-Identifier: Apache-2.0
// Colours and fonts of the window, light and dark.
#pragma once

#include <QColor>
#include <QFont>
#include <array>

class QApplication;

namespace lathe {

/// Named roles, so that no view invents colours of its own. The categorical colours are Okabe and Ito's
/// (distinguishable with the common colour vision deficiencies), toned for the background.
struct Theme {
  bool dark = false;
  QColor window, surface, raised, border, grid;  ///< surfaces: behind docks, of views, of cards and boxes
  QColor text, mutedText, disabledText;
  QColor accent, accentText;  ///< of selections and the main button
  QColor success, warning, error, neutral;
  QColor heatLow, heatHigh;
  std::array<QColor, 9> categories;

  /// Black or white, whichever is read better on `background`.
  static QColor textOn(const QColor& background);
};

enum class ThemeChoice { System, Light, Dark };

/// The theme in force; light until applyTheme is called.
const Theme& theme();
/// Sets style, palette and style sheet of the application. Widgets get QEvent::PaletteChange.
void applyTheme(QApplication& application, ThemeChoice choice);

}  // namespace lathe
