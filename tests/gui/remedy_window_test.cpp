// SPDX-License-Identifier: Apache-2.0
// Taking remedies in the window: applied where they are offered, listed, taken back, looked for.
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>
#include <QTextBrowser>

#include "engine/formats/onnx/onnx.h"
#include "engine/kernels/kernel.h"
#include "tests/convert/planted_models.h"
#include "tests/gui/window_fixture.h"

namespace lathe {
namespace {

class RemedyWindow : public WindowTest {
 protected:
  QString saved(const Model& model, const char* name) {
    const QString file = folder.filePath(QLatin1String(name));
    EXPECT_TRUE(export_onnx(model, file.toStdString()).ok());
    return file;
  }
  void dryRun(ModuleState expected) {
    driver.key(Qt::Key_F7);
    ASSERT_TRUE(driver.wait([&] { return state(module({})) == expected; }))
        << driver.text("noticeText").toStdString();
  }
  /// Waits for the button and the outcome that a click on it brings to the model.
  void apply(const char* where, const QString& button, ModuleState expected) {
    ASSERT_TRUE(driver.wait([&] { return inside(where, button) != nullptr; })) << button.toStdString();
    driver.click(inside(where, button));
    ASSERT_TRUE(driver.wait([&] { return state(module({})) == expected; }))
        << driver.text("noticeText").toStdString();
  }
  bool noticeSays(const char* words) {
    return driver.wait([&] { return driver.text("noticeText").contains(QLatin1String(words)); });
  }
  /// Not behind another tab.
  bool inFront(const char* panel) { return !driver.find(panel)->visibleRegion().isEmpty(); }
  QString shape(const char* field) { return driver.find<QLineEdit>(field)->text(); }
};

TEST_F(RemedyWindow, APinnedShapeRepaintsTheTreeAndUndoTakesItBack) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(detector));
  ASSERT_NO_FATAL_FAILURE(dryRun(ModuleState::Failed));
  driver.key(Qt::Key_F8);
  const auto forecast = [&] {
    auto* label = qobject_cast<QLabel*>(inside("convertPanel", QStringLiteral("remedyForecast_pin_shapes")));
    return label == nullptr ? QString() : label->text();
  };
  EXPECT_TRUE(driver.wait([&] { return forecast().contains(QStringLiteral("92 of 92")); }))
      << forecast().toStdString();
  ASSERT_NO_FATAL_FAILURE(
      apply("convertPanel", QStringLiteral("remedyButton_pin_shapes"), ModuleState::Success));
  EXPECT_TRUE(noticeSays("92 of 92"));
  EXPECT_TRUE(driver.text("conversionCounts").contains(QStringLiteral("92 of 92")));
  EXPECT_EQ(shape("shapeEdit_img"), QStringLiteral("1x3x224x224"));
  EXPECT_EQ(inside("convertPanel", QStringLiteral("remedyButton_pin_shapes")), nullptr);

  driver.key(Qt::Key_Z, Qt::ControlModifier);
  EXPECT_TRUE(driver.wait([&] { return state(module({})) == ModuleState::Failed; }));
  EXPECT_EQ(shape("shapeEdit_img"), QString());
  ASSERT_NO_FATAL_FAILURE(choose(QStringLiteral("Edit"), QStringLiteral("Redo Pin “img” to 1x3x224x224")));
  EXPECT_TRUE(driver.wait([&] { return state(module({})) == ModuleState::Success; }));
}

TEST_F(RemedyWindow, SamplesTellTheShapeToPin) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(detector));
  driver.key(Qt::Key_F8);
  driver.type(driver.find("dataEdit"), scenes);
  driver.key(Qt::Key_Tab);
  ASSERT_NO_FATAL_FAILURE(dryRun(ModuleState::Failed));
  ASSERT_TRUE(driver.wait(
      [&] { return inside("convertPanel", QStringLiteral("remedyForecast_pin_shapes")) != nullptr; }));
  ASSERT_NO_FATAL_FAILURE(
      apply("convertPanel", QStringLiteral("remedyButton_pin_shapes"), ModuleState::Success));
  EXPECT_EQ(shape("shapeEdit_img"), QStringLiteral("1x3x96x96"));
}

TEST_F(RemedyWindow, AStepIsListedAndRemoved) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(saved(*branches(true), "branches.onnx")));
  ASSERT_NO_FATAL_FAILURE(dryRun(ModuleState::Failed));
  driver.key(Qt::Key_F8);
  ASSERT_NO_FATAL_FAILURE(
      apply("convertPanel", QStringLiteral("remedyButton_inline_branch"), ModuleState::Success));
  ASSERT_TRUE(
      driver.wait([&] { return inside("remediesBox", QStringLiteral("removeRemedy_0")) != nullptr; }));
  EXPECT_NE(inside("remediesBox", QStringLiteral("takenRemedy_inline_branch")), nullptr);
  clickTab(QStringLiteral("Results"));
  EXPECT_TRUE(driver.wait([&] { return inside("remediesTaken", QStringLiteral("takenText")) != nullptr; }));

  // The list is made anew when jobs that the step brought about end: its button may be another one by now.
  ASSERT_NO_FATAL_FAILURE(apply("remediesBox", QStringLiteral("removeRemedy_0"), ModuleState::Failed));
  EXPECT_EQ(inside("remediesBox", QStringLiteral("removeRemedy_0")), nullptr);
  EXPECT_TRUE(driver.wait([&] { return inside("remediesTaken", QStringLiteral("takenText")) == nullptr; }));
}

TEST_F(RemedyWindow, ProblemsAndInspectorOfferThemToo) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(saved(*branches(true), "branches.onnx")));
  EXPECT_TRUE(driver.wait([&] { return inFront("inspector") && inFront("problemsPanel"); }));
  for (const char* behind : {"convertPanel", "jobsPanel", "logPanel"})
    EXPECT_FALSE(inFront(behind)) << behind;
  ASSERT_NO_FATAL_FAILURE(dryRun(ModuleState::Failed));
  EXPECT_TRUE(driver.wait([&] {
    return driver.find<QTextBrowser>("inspectorText")->toHtml().contains(QStringLiteral("remedy:0:0"));
  }));
  ASSERT_NO_FATAL_FAILURE(
      apply("problemsPanel", QStringLiteral("remedyButton_inline_branch"), ModuleState::Success));
  EXPECT_TRUE(inFront("inspector"));
}

TEST_F(RemedyWindow, WhatHelpsIsTakenAndShown) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(detector));
  driver.key(Qt::Key_F8);
  driver.check(driver.find("takesWhatHelps"));
  qputenv("XDG_CACHE_HOME", folder.path().toUtf8());
  driver.check(driver.find("tune"));
  const QString converted = folder.filePath(QStringLiteral("converted"));
  driver.type(driver.find("dataEdit"), scenes);
  driver.type(driver.find("sampleLimit"), QStringLiteral("4"));
  driver.type(driver.find("outputFolder"), converted);
  driver.key(Qt::Key_Tab);
  driver.click(driver.find("convertButton"));
  ASSERT_TRUE(
      driver.wait([&] { return inside("remediesTaken", QStringLiteral("takenText")) != nullptr; }, 120000))
      << driver.text("noticeText").toStdString();
  EXPECT_TRUE(driver.text("takenText").contains(QStringLiteral("1x3x96x96")))
      << driver.text("takenText").toStdString();
  EXPECT_EQ(state(module({})), ModuleState::Success);
  EXPECT_EQ(shape("shapeEdit_img"), QStringLiteral("1x3x96x96"));  // a setting from now on
  QFile file(converted + QStringLiteral("/config.json"));
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  const QJsonObject config = QJsonDocument::fromJson(file.readAll()).object();
  EXPECT_TRUE(config.value(QStringLiteral("tune")).toBool());
  // With narrower vectors there is one kernel for every step, and nothing to remember.
  EXPECT_EQ(QFile::exists(folder.filePath(QStringLiteral("lathe/tuning.json"))),
            instruction_set().starts_with("avx512"));
  qunsetenv("XDG_CACHE_HOME");
  const QJsonArray steps = config.value(QStringLiteral("remedies")).toArray();
  ASSERT_EQ(steps.size(), 1);
  EXPECT_EQ(steps[0].toObject().value(QStringLiteral("kind")).toString(), QStringLiteral("pin_shapes"));
}

}  // namespace
}  // namespace lathe
