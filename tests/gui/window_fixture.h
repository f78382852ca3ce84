// SPDX-License-Identifier: Apache-2.0
// Lathe's window with what its tests look for in it. All of them share one application.
#pragma once

#include <QAbstractItemView>
#include <QTabBar>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTreeView>

#include "gui/app/main_window.h"
#include "gui/graph_view/graph_view.h"
#include "gui/models/module_tree_model.h"
#include "tests/gui/window_driver.h"

namespace lathe {

inline const QString examples = QStringLiteral(LATHE_SOURCE_DIR "/resources/examples/");
inline const QString detector =
    examples + QStringLiteral("digits_detr_anysize/digits_detr_anysize_script17.onnx");
inline const QString scenes = examples + QStringLiteral("digits_detr_anysize/digits_scenes.dataset.json");

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

  /// Chooses an entry of the menu bar by the mouse; their texts without "&".
  void choose(const QString& menu, const QString& entry);
  /// The visible button of that name inside a widget.
  QWidget* inside(const char* outer, const QString& name);

  QTemporaryDir folder;
  MainWindow window;
  WindowDriver driver;
};

}  // namespace lathe
