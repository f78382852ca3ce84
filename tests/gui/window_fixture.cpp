// SPDX-License-Identifier: Apache-2.0
#include "tests/gui/window_fixture.h"

#include <QMenu>
#include <QMenuBar>
#include <QSettings>
#include <QStandardPaths>

#include "gui/widgets/theme.h"

namespace lathe {
namespace {

/// The application that all windows of this program live in: no display, light, nothing remembered.
class Application : public testing::Environment {
 public:
  void SetUp() override {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    QStandardPaths::setTestModeEnabled(true);
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, m_settings.path());
    static int count = 1;
    static char name[] = "test", *arguments[] = {name, nullptr};
    m_application = std::make_unique<QApplication>(count, arguments);
    applyTheme(*m_application, ThemeChoice::Light);
  }
  void TearDown() override { m_application.reset(); }

 private:
  QTemporaryDir m_settings;
  std::unique_ptr<QApplication> m_application;
};
const testing::Environment* const application = testing::AddGlobalTestEnvironment(new Application);

QAction* find(const QList<QAction*>& actions, const QString& text) {
  for (QAction* action : actions)
    if (QString(action->text()).remove(QLatin1Char('&')) == text) return action;
  ADD_FAILURE() << "there is no entry " << text.toStdString();
  return nullptr;
}

}  // namespace

void WindowTest::choose(const QString& menu, const QString& entry) {
  QMenuBar* bar = window.menuBar();
  QAction* opened = find(bar->actions(), menu);
  ASSERT_NE(opened, nullptr);
  driver.clickAt(bar, bar->actionGeometry(opened).center());
  auto* popup = opened->menu();
  ASSERT_TRUE(driver.wait([&] { return popup->isVisible(); }));
  QAction* chosen = find(popup->actions(), entry);
  ASSERT_NE(chosen, nullptr);
  driver.clickAt(popup, popup->actionGeometry(chosen).center());
}

QWidget* WindowTest::inside(const char* outer, const QString& name) {
  for (QWidget* widget : driver.find(outer)->findChildren<QWidget*>(name))
    if (widget->isVisible()) return widget;
  return nullptr;
}

}  // namespace lathe
