// SPDX-License-Identifier: Apache-2.0
#include "gui/views/files_written.h"

#include <QDesktopServices>
#include <QFileInfo>
#include <QHeaderView>
#include <QUrl>

#include "gui/widgets/format.h"

namespace lathe {
namespace {

QString purposeOf(const QString& name) {
  if (name == QLatin1String("model.onnx"))
    return FilesWritten::tr("the converted graph; other runtimes load it too");
  if (name.startsWith(QLatin1String("engine"))) return FilesWritten::tr("graph of one engine");
  if (name == QLatin1String("weights.bin")) return FilesWritten::tr("weights that the graphs share");
  if (name == QLatin1String("trace.json")) return FilesWritten::tr("recording of the converted model");
  if (name == QLatin1String("trace_before.json")) return FilesWritten::tr("recording of the model as it was");
  if (name == QLatin1String("report.html")) return FilesWritten::tr("report to read in a browser");
  if (name == QLatin1String("report.json")) return FilesWritten::tr("everything, for programs");
  if (name == QLatin1String("workflow_report.json")) return FilesWritten::tr("rate, accuracy and latency");
  if (name == QLatin1String("conversion_report.json")) return FilesWritten::tr("state and errors by module");
  if (name == QLatin1String("statistics.csv")) return FilesWritten::tr("times and errors by class");
  if (name == QLatin1String("config.json")) return FilesWritten::tr("the settings it was made with");
  if (name == QLatin1String("lathe.log")) return FilesWritten::tr("the report as printed");
  return {};
}

}  // namespace

FilesWritten::FilesWritten(QWidget* parent) : QTreeWidget(parent) {
  setObjectName(QStringLiteral("filesWritten"));
  setColumnCount(3);
  setHeaderLabels({tr("File"), tr("Size"), tr("What it is")});
  setRootIsDecorated(false);
  setUniformRowHeights(true);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  header()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
  header()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
  headerItem()->setTextAlignment(1, Qt::AlignRight | Qt::AlignVCenter);
  connect(this, &QTreeWidget::itemActivated, this, [](const QTreeWidgetItem* item) {
    QDesktopServices::openUrl(QUrl::fromLocalFile(item->data(0, Qt::UserRole).toString()));
  });
}

void FilesWritten::setFiles(const std::vector<std::filesystem::path>& files) {
  clear();
  for (const auto& file : files) {
    const QFileInfo info(QString::fromStdString(file.string()));
    auto* item =
        new QTreeWidgetItem(this, {info.fileName(), formatBytes(info.size()), purposeOf(info.fileName())});
    item->setData(0, Qt::UserRole, info.absoluteFilePath());
    item->setToolTip(0, info.absoluteFilePath());
    item->setTextAlignment(1, Qt::AlignRight | Qt::AlignVCenter);
  }
  // As tall as its rows: the page around it scrolls.
  const int row = topLevelItemCount() > 0 ? sizeHintForRow(0) : 0;
  setFixedHeight(header()->sizeHint().height() + row * topLevelItemCount() + 4);
}

}  // namespace lathe
