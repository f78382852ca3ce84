// SPDX-License-Identifier: Apache-2.0
// The main job in the window: drop, dry run, pin the shape, cancel, convert, find the slowest module, export.
#include <QAbstractItemView>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>
#include <QStandardPaths>
#include <QTabBar>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTreeView>

#include "gui/app/main_window.h"
#include "gui/graph_view/graph_view.h"
#include "gui/models/module_tree_model.h"
#include "gui/models/statistics_model.h"
#include "gui/timeline/timeline_view.h"
#include "gui/widgets/theme.h"
#include "tests/gui/window_driver.h"

namespace lathe {
namespace {

const QString examples = QStringLiteral(LATHE_SOURCE_DIR "/resources/examples/");
const QString detector = examples + QStringLiteral("digits_detr_anysize/digits_detr_anysize_script17.onnx");
const QString scenes = examples + QStringLiteral("digits_detr_anysize/digits_scenes.dataset.json");

/// The application that all windows of this program live in: no display, light, nothing remembered.
class Application : public testing::Environment {
 public:
  void SetUp() override {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    QStandardPaths::setTestModeEnabled(true);
    static int count = 1;
    static char name[] = "test", *arguments[] = {name, nullptr};
    m_application = std::make_unique<QApplication>(count, arguments);
    applyTheme(*m_application, ThemeChoice::Light);
  }
  void TearDown() override { m_application.reset(); }

 private:
  std::unique_ptr<QApplication> m_application;
};
const testing::Environment* const application = testing::AddGlobalTestEnvironment(new Application);

class WindowTest : public testing::Test {
 protected:
  WindowTest() : driver(window) {}

  GraphView* graph() { return driver.find<GraphView>("graphView"); }
  QTreeView* tree() { return driver.find<QTreeView>("moduleTree"); }
  QAbstractItemView* table() { return driver.find<QAbstractItemView>("statisticsTable"); }
  bool shows(const char* name) {
    const QWidget* widget = driver.find(name);
    return widget != nullptr && widget->isVisible();
  }
  /// The whole subtree, found by its path of names; invalid when a part is missing.
  QModelIndex module(const QStringList& names) {
    QModelIndex at = tree()->model()->index(0, 0);
    for (const QString& name : names) {
      QModelIndex next;
      for (int row = 0; row < tree()->model()->rowCount(at); ++row)
        if (tree()->model()->index(row, 0, at).data().toString() == name)
          next = tree()->model()->index(row, 0, at);
      if (!next.isValid()) return {};
      at = next;
    }
    return at;
  }
  ModuleState state(const QModelIndex& index) {
    return static_cast<ModuleState>(index.data(ModuleTreeModel::StateRole).toInt());
  }
  /// Drops the file and waits until tree and graph show it.
  void openByDrop(const QString& file) {
    driver.drop({file});
    ASSERT_TRUE(driver.wait([&] {
      return tree()->model()->rowCount() > 0 && graph()->visibleBoxCount() > 0;
    })) << driver.text("noticeText").toStdString();
  }
  bool painted(QRect where, QColor color) {
    const QImage image = graph()->grab(where).toImage();
    for (int y = 0; y < image.height(); ++y)
      for (int x = 0; x < image.width(); ++x)
        if (image.pixelColor(x, y).rgb() == color.rgb()) return true;
    return false;
  }
  void convertInto(const QString& folder) {
    driver.key(Qt::Key_F8);
    driver.type(driver.find("shapeEdit_img"), QStringLiteral("1x3x96x96"));
    driver.key(Qt::Key_Return);
    driver.type(driver.find("dataEdit"), scenes);
    driver.type(driver.find("sampleLimit"), QStringLiteral("8"));
    driver.type(driver.find("outputFolder"), folder);
    driver.key(Qt::Key_Tab);
    ASSERT_TRUE(driver.wait([&] { return driver.find("convertButton")->isEnabled(); }));
    driver.click(driver.find("convertButton"));
  }
  /// Brings a page of the middle to the front by its tab.
  void clickTab(const QString& title) {
    auto* tabs = driver.find<QTabWidget>("centreTabs");
    for (int i = 0; i < tabs->count(); ++i)
      if (tabs->tabText(i) == title) driver.clickAt(tabs->tabBar(), tabs->tabBar()->tabRect(i).center());
  }

  QTemporaryDir folder;
  MainWindow window;
  WindowDriver driver;
};

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
