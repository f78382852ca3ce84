// SPDX-License-Identifier: Apache-2.0
// The main job in the window: drop, dry run, pin the shape, cancel, convert, find the slowest module, export.
#include <QAbstractItemView>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>

#include "gui/models/statistics_model.h"
#include "gui/timeline/timeline_view.h"
#include "gui/widgets/theme.h"
#include "tests/gui/window_fixture.h"

namespace lathe {
namespace {

TEST_F(WindowTest, MainJob) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(detector));
  EXPECT_EQ(window.windowTitle().contains(QStringLiteral("digits_detr_anysize")), true);

  // A dry run paints what would fail.
  driver.key(Qt::Key_F7);
  ASSERT_TRUE(driver.wait([&] { return state(module({})) == ModuleState::Failed; }));
  const QModelIndex backbone = module({QStringLiteral("detr"), QStringLiteral("backbone")});
  ASSERT_TRUE(backbone.isValid());
  EXPECT_TRUE(driver.wait([&] { return state(backbone) == ModuleState::Failed; }));
  const ModuleId backboneId(static_cast<size_t>(backbone.data(ModuleTreeModel::ModuleRole).toInt()));
  const QRect box = graph()->boxRectOnScreen(backboneId);
  ASSERT_FALSE(box.isEmpty());
  EXPECT_TRUE(driver.wait([&] { return painted(box, theme().error); }))
      << "the graph does not show the failure";

  // Cancelled after its first engine, a conversion leaves nothing behind.
  const QString cancelled = folder.filePath(QStringLiteral("cancelled"));
  ASSERT_NO_FATAL_FAILURE(convertInto(cancelled));
  ASSERT_TRUE(driver.wait([&] { return state(module({})) == ModuleState::Success; }))
      << driver.text("noticeText").toStdString();
  ASSERT_TRUE(shows("cancelButton")) << "the conversion was over before it could be cancelled";
  driver.click(driver.find("cancelButton"));
  ASSERT_TRUE(driver.wait([&] { return driver.find("convertButton")->isVisible(); }));
  ASSERT_TRUE(driver.wait([&] { return driver.find("convertButton")->isEnabled(); }));
  EXPECT_TRUE(QDir(folder.path()).isEmpty()) << QDir(folder.path()).entryList().join(' ').toStdString();

  // To the end.
  const QString converted = folder.filePath(QStringLiteral("converted"));
  ASSERT_NO_FATAL_FAILURE(convertInto(converted));
  ASSERT_TRUE(driver.wait([&] { return shows("statisticsTable"); }, 120000))
      << driver.text("noticeText").toStdString();
  EXPECT_EQ(state(module({})), ModuleState::Success);

  // The slowest module of the results is selected everywhere.
  QModelIndex slowest;
  double longest = -1;
  for (int row = 0; row < table()->model()->rowCount(); ++row) {
    const QModelIndex at = table()->model()->index(row, StatisticsModel::Self);
    if (at.data(StatisticsModel::SortRole).toDouble() <= longest) continue;
    longest = at.data(StatisticsModel::SortRole).toDouble();
    slowest = table()->model()->index(row, 0);
  }
  ASSERT_TRUE(slowest.isValid());
  const int wanted = slowest.data(StatisticsModel::ModuleRole).toInt();
  // People scroll to it with the keyboard: Home, then down.
  driver.clickAt(table()->viewport(), table()->visualRect(table()->model()->index(0, 0)).center());
  for (int row = 0; row < slowest.row(); ++row) driver.key(Qt::Key_Down);
  EXPECT_EQ(tree()->currentIndex().data(ModuleTreeModel::ModuleRole).toInt(), wanted);
  clickTab(QStringLiteral("Timeline"));
  EXPECT_TRUE(driver.wait([&] { return driver.find<TimelineView>("timelineView")->highlightedCount() > 0; }));
  clickTab(QStringLiteral("Graph"));
  const ModuleId wantedId(static_cast<size_t>(wanted));
  const QRect view = graph()->rect();
  EXPECT_TRUE(driver.wait([&] {
    const QRect at = graph()->boxRectOnScreen(wantedId);
    return wantedId == ModuleTree::root() || at.isNull() || view.intersects(at);
  }));

  // Export.
  QString exported = qEnvironmentVariable("LATHE_WINDOW_EXPORT");
  if (exported.isEmpty()) exported = folder.filePath(QStringLiteral("exported"));
  driver.key(Qt::Key_E, Qt::ControlModifier);
  ASSERT_TRUE(driver.wait([&] { return QApplication::activeModalWidget() != nullptr; }));
  driver.type(driver.find("exportFolder"), exported);
  driver.click(driver.find("exportRunButton"));
  const QString report = exported + QStringLiteral("/workflow_report.json");
  ASSERT_TRUE(driver.wait([&] {
    return driver.text("noticeText").contains(QStringLiteral("Exported")) && QFile::exists(report);
  }));
  QFile file(report);
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  const QJsonArray rate =
      QJsonDocument::fromJson(file.readAll()).object().value(QStringLiteral("conversion_rate")).toArray();
  EXPECT_EQ(rate, (QJsonArray{92, 92}));
  for (const char* name :
       {"conversion_report.json", "statistics.csv", "trace.json", "report.json", "model.onnx"})
    EXPECT_TRUE(QFile::exists(exported + QLatin1Char('/') + QLatin1String(name))) << name;
}

TEST_F(WindowTest, LargeModelPaintsItsFirstGraphWithinTwoSeconds) {
  const QString models = qEnvironmentVariable("LATHE_MODELS", QDir::homePath() + "/.cache/lathe/models");
  const QString file = models + QStringLiteral("/detr_r50_640_script17.onnx");
  if (!QFile::exists(file)) GTEST_SKIP() << "detr_r50_640_script17.onnx is not on this machine";
  QElapsedTimer timer;
  timer.start();
  driver.drop({file});
  const QRect middle(graph()->rect().center() - QPoint(200, 200), QSize(400, 400));
  ASSERT_TRUE(driver.wait([&] { return graph()->visibleBoxCount() > 0; }));
  graph()->grab();
  EXPECT_LT(timer.elapsed(), 2000);
}

TEST_F(WindowTest, WhatCannotBeOpenedGivesAMessageAndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(openByDrop(detector));
  const int boxes = graph()->visibleBoxCount();
  const QString title = window.windowTitle();

  const auto write = [&](const char* name, const QByteArray& bytes) {
    QFile file(folder.filePath(QLatin1String(name)));
    EXPECT_TRUE(file.open(QIODevice::WriteOnly));
    file.write(bytes);
    return file.fileName();
  };
  QFile model(examples + QStringLiteral("digits_resnet/digits_resnet_script17.onnx"));
  ASSERT_TRUE(model.open(QIODevice::ReadOnly));
  const QByteArray whole = model.readAll();
  QByteArray unknown = whole;
  unknown.replace("Relu", "Rely");
  const std::pair<QString, QString> files[] = {
      {write("notes.txt", "this is no model\n"), QStringLiteral("notes.txt")},
      {write("cut.onnx", whole.left(whole.size() / 2)), QStringLiteral("cut.onnx")},
      {write("unknown.onnx", unknown), QStringLiteral("Rely")}};
  for (const auto& [file, word] : files) {
    driver.drop({file});
    EXPECT_TRUE(driver.wait([&, word = word] { return driver.text("noticeText").contains(word); }))
        << word.toStdString() << ": " << driver.text("noticeText").toStdString();
    EXPECT_TRUE(shows("noticeBar"));
    EXPECT_EQ(window.windowTitle(), title);
    EXPECT_EQ(graph()->visibleBoxCount(), boxes);
    driver.click(driver.find("noticeClose"));
    EXPECT_FALSE(shows("noticeBar"));
  }
}

}  // namespace
}  // namespace lathe
