// SPDX-License-Identifier: Apache-2.0
// Operator plugins in the window: what cannot be loaded says so, what can opens the model that asked for it.
#include <QSettings>
#include <QTreeWidget>

#include "engine/formats/onnx/onnx.h"
#include "tests/gui/window_fixture.h"
#include "tests/plugin/custom_model.h"

namespace lathe {
namespace {

class PluginWindow : public WindowTest {
 protected:
  /// Types over what the line holds and presses the button.
  void load(const QString& file) {
    driver.type(driver.find("pluginEdit"), file);
    driver.click(driver.find("pluginLoadButton"));
  }
  QTreeWidget* list() { return driver.find<QTreeWidget>("pluginList"); }
};

TEST_F(PluginWindow, ALibraryOpensTheModelThatNeedsIt) {
  if (!loaded_plugins().empty()) GTEST_SKIP() << "a library stays loaded: once a process";
  const QString model = folder.filePath(QStringLiteral("custom.onnx"));
  ASSERT_TRUE(export_onnx(*attention_model(1), model.toStdString()).ok());
  driver.drop({model});
  ASSERT_TRUE(
      driver.wait([&] { return driver.text("noticeText").contains(QStringLiteral("Operator Plugins")); }));
  EXPECT_EQ(tree()->model()->rowCount(), 0);

  ASSERT_NO_FATAL_FAILURE(choose(QStringLiteral("File"), QStringLiteral("Operator Plugins…")));
  ASSERT_TRUE(driver.wait([&] { return QApplication::activeModalWidget() != nullptr; }));
  EXPECT_TRUE(driver.text("pluginWarning").contains(QStringLiteral("runs its code")));
  const QString broken = folder.filePath(QStringLiteral("broken.so"));
  QFile file(broken);
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write("no library");
  file.close();
  load(broken);
  EXPECT_TRUE(driver.wait([&] {
    return driver.text("pluginEditMessage").contains(QStringLiteral("cannot be loaded"));
  })) << driver.text("pluginEditMessage").toStdString();
  EXPECT_EQ(list()->topLevelItemCount(), 0);

  driver.check(driver.find("pluginAtStart"));
  load(QStringLiteral(EXAMPLE_PLUGIN));
  ASSERT_TRUE(driver.wait([&] { return list()->topLevelItemCount() == 1; }));
  EXPECT_TRUE(list()->topLevelItem(0)->text(1).contains(QStringLiteral("MultiScaleDeformableAttention")));
  const QString key = QStringLiteral("pluginsAtStart");
  EXPECT_EQ(QSettings().value(key).toStringList().size(), 1);
  // Taken out of the start again.
  const QRect check = list()->visualItemRect(list()->topLevelItem(0));
  const QRect column(list()->columnViewportPosition(2), check.top(), 24, check.height());
  driver.clickAt(list()->viewport(), column.center());
  EXPECT_TRUE(driver.wait([&] { return QSettings().value(key).toStringList().isEmpty(); }));

  driver.key(Qt::Key_Escape);
  EXPECT_TRUE(driver.wait([&] { return tree()->model()->rowCount() > 0; })) << "the model did not open";
}

TEST_F(PluginWindow, AStartTellsWhatItCannotLoadAndGoesOn) {
  const QString gone = folder.filePath(QStringLiteral("gone.so"));
  QSettings().setValue(QStringLiteral("pluginsAtStart"), QStringList{gone});
  window.start({detector}, true);
  EXPECT_TRUE(driver.wait([&] { return driver.text("noticeText").contains(QStringLiteral("gone.so")); }));
  EXPECT_TRUE(driver.wait([&] { return tree()->model()->rowCount() > 0; }));
  ASSERT_NO_FATAL_FAILURE(choose(QStringLiteral("File"), QStringLiteral("Operator Plugins…")));
  ASSERT_TRUE(driver.wait([&] { return QApplication::activeModalWidget() != nullptr; }));
  QSettings().remove(QStringLiteral("pluginsAtStart"));
  const auto listed = list()->findItems(QStringLiteral("gone.so"), Qt::MatchExactly);
  ASSERT_EQ(listed.size(), 1);
  EXPECT_TRUE(listed[0]->text(1).contains(QStringLiteral("not loaded")));
}

}  // namespace
}  // namespace lathe
