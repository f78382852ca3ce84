// SPDX-License-Identifier: Apache-2.0
#include "gui/widgets/theme.h"

#include <QApplication>
#include <QPalette>

#include "gui/widgets/window_style.h"

namespace lathe {
namespace {

Theme lightTheme() {
  Theme t;
  t.window = QColor(0xf3f4f6);
  t.surface = QColor(0xffffff);
  t.raised = QColor(0xf9fafb);
  t.border = QColor(0xd5d9e0);
  t.grid = QColor(0xe9ebef);
  t.text = QColor(0x1b1f27);
  t.mutedText = QColor(0x5c6573);
  t.disabledText = QColor(0xa3abb8);
  t.accent = QColor(0x1f6feb);
  t.accentText = QColor(0xffffff);
  t.success = QColor(0x1a8f5f);
  t.warning = QColor(0xb7791f);
  t.error = QColor(0xc9372c);
  t.neutral = QColor(0x9aa3b0);
  t.heatLow = QColor(0xdfe7f3);
  t.heatHigh = QColor(0xd1420b);
  t.categories = {QColor(0x0072b2), QColor(0xe69f00), QColor(0x009e73), QColor(0xd55e00), QColor(0x56b4e9),
                  QColor(0xcc79a7), QColor(0x8d99ae), QColor(0xb8a600), QColor(0x7a5195)};
  return t;
}

Theme darkTheme() {
  Theme t;
  t.dark = true;
  t.window = QColor(0x16181d);
  t.surface = QColor(0x1c1f26);
  t.raised = QColor(0x252932);
  t.border = QColor(0x363c48);
  t.grid = QColor(0x2a2f39);
  t.text = QColor(0xe6e9ef);
  t.mutedText = QColor(0x9aa4b2);
  t.disabledText = QColor(0x5f6877);
  t.accent = QColor(0x4b8ff5);
  t.accentText = QColor(0xffffff);
  t.success = QColor(0x3fb984);
  t.warning = QColor(0xe0a83e);
  t.error = QColor(0xf0695e);
  t.neutral = QColor(0x6b7484);
  t.heatLow = QColor(0x2b3444);
  t.heatHigh = QColor(0xf0763c);
  t.categories = {QColor(0x3d9bd6), QColor(0xe3a72b), QColor(0x2fb88f), QColor(0xe0763a), QColor(0x78c4ee),
                  QColor(0xd690b5), QColor(0x7d889b), QColor(0xcdbf3a), QColor(0xa17fc0)};
  return t;
}

Theme& currentTheme() {
  static Theme current = lightTheme();
  return current;
}

QPalette paletteOf(const Theme& t) {
  QPalette palette;
  palette.setColor(QPalette::Window, t.window);
  palette.setColor(QPalette::WindowText, t.text);
  palette.setColor(QPalette::Base, t.surface);
  palette.setColor(QPalette::AlternateBase, t.raised);
  palette.setColor(QPalette::Text, t.text);
  palette.setColor(QPalette::PlaceholderText, t.mutedText);
  palette.setColor(QPalette::Button, t.raised);
  palette.setColor(QPalette::ButtonText, t.text);
  palette.setColor(QPalette::ToolTipBase, t.raised);
  palette.setColor(QPalette::ToolTipText, t.text);
  palette.setColor(QPalette::Highlight, t.accent);
  palette.setColor(QPalette::HighlightedText, t.accentText);
  palette.setColor(QPalette::Link, t.accent);
  palette.setColor(QPalette::Mid, t.border);
  palette.setColor(QPalette::Midlight, t.grid);
  palette.setColor(QPalette::Dark, t.border);
  palette.setColor(QPalette::Light, t.raised);
  for (const auto role : {QPalette::Text, QPalette::WindowText, QPalette::ButtonText})
    palette.setColor(QPalette::Disabled, role, t.disabledText);
  return palette;
}

QString styleSheetOf(const Theme& t) {
  QString sheet = QStringLiteral(R"(
QMainWindow::separator { background: @border; width: 1px; height: 1px; }
QDockWidget { titlebar-close-icon: none; }
QDockWidget::title { background: @window; padding: 6px 10px; font-weight: 600; }
QTabBar::tab { background: transparent; color: @muted; padding: 6px 14px; border: none; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabBar::tab:hover { color: @text; }
QTabWidget::pane { border: none; border-top: 1px solid @border; }
QTreeView, QTableView, QListView, QTextEdit, QPlainTextEdit { border: none; background: @surface; }
QTreeView::item, QTableView::item, QListView::item { padding: 2px 4px; }
QHeaderView::section { background: @window; color: @muted; border: none; border-bottom: 1px solid @border; padding: 4px 6px; }
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox { background: @surface; border: 1px solid @border; border-radius: 4px; padding: 3px 6px; min-height: 20px; }
QLineEdit:focus, QComboBox:focus, QSpinBox:focus { border-color: @accent; }
QPushButton { background: @raised; border: 1px solid @border; border-radius: 4px; padding: 4px 12px; min-height: 20px; }
QPushButton:hover { border-color: @accent; }
QPushButton:pressed { background: @border; }
QPushButton:disabled { color: @disabled; }
QPushButton[primary="true"] { background: @accent; border-color: @accent; color: @accenttext; font-weight: 600; }
QPushButton[primary="true"]:disabled { background: @border; border-color: @border; color: @disabled; }
QToolBar { background: @window; border: none; border-bottom: 1px solid @border; spacing: 4px; padding: 4px; }
QToolButton { border: 1px solid transparent; border-radius: 4px; padding: 3px 8px; }
QToolButton:hover { background: @raised; border-color: @border; }
QToolButton:checked { background: @raised; border-color: @accent; }
QStatusBar { border-top: 1px solid @border; color: @muted; }
QMenuBar { background: @window; }
QToolTip { background: @raised; color: @text; border: 1px solid @border; padding: 4px; }
QProgressBar { border: none; background: @grid; border-radius: 3px; height: 6px; text-align: center; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 10px; }
QScrollBar:horizontal { height: 10px; }
QScrollBar::handle { background: @border; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: @disabled; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { width: 0; height: 0; border-left: 4px solid @surface; border-right: 4px solid @surface; border-top: 5px solid @muted; }
QAbstractScrollArea::corner { background: transparent; }
QSplitter::handle { background: @border; }
)");
  const std::pair<const char*, QColor> names[] = {{"@accenttext", t.accentText},
                                                  {"@accent", t.accent},
                                                  {"@border", t.border},
                                                  {"@window", t.window},
                                                  {"@surface", t.surface},
                                                  {"@raised", t.raised},
                                                  {"@grid", t.grid},
                                                  {"@disabled", t.disabledText},
                                                  {"@muted", t.mutedText},
                                                  {"@text", t.text}};
  for (const auto& [name, color] : names) sheet.replace(QLatin1String(name), color.name());
  return sheet;
}

}  // namespace

QColor Theme::textOn(const QColor& background) {
  const double luminance =
      0.2126 * background.redF() + 0.7152 * background.greenF() + 0.0722 * background.blueF();
  return luminance > 0.5 ? QColor(0x14171c) : QColor(0xffffff);
}

const Theme& theme() {
  return currentTheme();
}

void applyTheme(QApplication& application, ThemeChoice choice) {
  static const bool systemDark = [] {
    const QPalette palette = QApplication::palette();
    return palette.color(QPalette::WindowText).lightness() > palette.color(QPalette::Window).lightness();
  }();
  const bool dark = choice == ThemeChoice::Dark || (choice == ThemeChoice::System && systemDark);
  currentTheme() = dark ? darkTheme() : lightTheme();
  QApplication::setStyle(new WindowStyle);
  QApplication::setPalette(paletteOf(theme()));
  application.setStyleSheet(styleSheetOf(theme()));
}

}  // namespace lathe
