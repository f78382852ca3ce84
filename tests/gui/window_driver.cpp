// SPDX-License-Identifier: Apache-2.0
#include "tests/gui/window_driver.h"

#include <QDragEnterEvent>
#include <QDropEvent>
#include <QMimeData>
#include <QUrl>
#include <QWindow>

namespace lathe {

WindowDriver::WindowDriver(QWidget& window) : m_window(window) {
  m_window.resize(1600, 1000);
  m_window.show();
  EXPECT_TRUE(QTest::qWaitForWindowExposed(&m_window));
}

void WindowDriver::drop(const QStringList& files) {
  QMimeData data;
  QList<QUrl> urls;
  for (const QString& file : files) urls << QUrl::fromLocalFile(file);
  data.setUrls(urls);
  const QPoint middle = m_window.rect().center();
  QDragEnterEvent enter(middle, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(&m_window, &enter);
  EXPECT_TRUE(enter.isAccepted()) << "the window takes no files";
  QDropEvent drop(middle, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(&m_window, &drop);
}

void WindowDriver::focus(QWidget* field) {
  ASSERT_NE(field, nullptr);
  const auto there = [&] {
    const QWidget* focused = QApplication::focusWidget();
    return focused != nullptr && (focused == field || field->isAncestorOf(focused));
  };
  for (int tabs = 0; tabs < 200 && !there(); ++tabs) key(Qt::Key_Tab);
  ASSERT_TRUE(there()) << field->objectName().toStdString() << " cannot be reached with the keyboard";
}

void WindowDriver::click(QWidget* widget) {
  ASSERT_NE(widget, nullptr) << "nothing to click on";
  clickAt(widget, widget->rect().center());
}

void WindowDriver::check(QWidget* box) {
  ASSERT_NE(box, nullptr) << "no box to check";
  clickAt(box, QPoint(10, box->rect().center().y()));
}

void WindowDriver::clickAt(QWidget* widget, QPoint at, Qt::MouseButton button) {
  ASSERT_NE(widget, nullptr);
  ASSERT_TRUE(widget->isVisible()) << widget->objectName().toStdString() << " is not shown";
  ASSERT_TRUE(widget->isEnabled()) << widget->objectName().toStdString() << " is greyed out";
  QWidget* top = widget->window();
  QTest::mouseClick(top->windowHandle(), button, Qt::NoModifier, widget->mapTo(top, at));
}

void WindowDriver::key(Qt::Key key, Qt::KeyboardModifiers modifiers) {
  QWidget* active = QApplication::activeWindow();
  QTest::keyClick((active != nullptr ? active : &m_window)->windowHandle(), key, modifiers);
}

void WindowDriver::type(QWidget* field, const QString& text) {
  focus(field);
  key(Qt::Key_A, Qt::ControlModifier);
  key(Qt::Key_Delete);
  QWindow* window = field->window()->windowHandle();
  for (const QChar character : text) QTest::keyClick(window, character.toLatin1());
}

}  // namespace lathe
