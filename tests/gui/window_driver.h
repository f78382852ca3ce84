// SPDX-License-Identifier: Apache-2.0
// Drives Lathe's window as a person does: everything goes through events sent to top-level windows. Reading
// what is shown is allowed; calling slots, models or jobs is not.
#pragma once

#include <QApplication>
#include <QLabel>
#include <QTest>
#include <QWidget>
#include <functional>
#include <gtest/gtest.h>

namespace lathe {

class WindowDriver {
 public:
  explicit WindowDriver(QWidget& window);

  /// Drags the files over the middle of the window and drops them.
  void drop(const QStringList& files);
  void click(QWidget* widget);
  /// A check box takes clicks on its box and text, not beside them.
  void check(QWidget* box);
  /// `at` in pixels of the widget. The press goes to the window that holds it, at that place.
  void clickAt(QWidget* widget, QPoint at, Qt::MouseButton button = Qt::LeftButton);
  /// Presses Tab until the field has the focus; scroll areas follow the focus by themselves.
  void focus(QWidget* field);
  void key(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier);
  /// Goes to the field with Tab and types over what it holds.
  void type(QWidget* field, const QString& text);

  /// The visible or hidden widget of that object name; a test failure and null when there is none.
  template <class T = QWidget>
  T* find(const char* name) const {
    for (QWidget* top : QApplication::topLevelWidgets())
      for (T* widget : top->findChildren<T*>(QString::fromLatin1(name)))
        if (top == &m_window || top->isVisible()) return widget;
    ADD_FAILURE() << "no widget is called " << name;
    return nullptr;
  }
  QString text(const char* label) const {
    const auto* found = find<QLabel>(label);
    return found == nullptr ? QString() : found->text();
  }
  /// Lets the window live until the condition holds.
  static bool wait(const std::function<bool()>& condition, int milliseconds = 30000) {
    return QTest::qWaitFor(condition, milliseconds);
  }

 private:
  QWidget& m_window;
};

}  // namespace lathe
