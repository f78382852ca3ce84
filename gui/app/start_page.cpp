// SPDX-License-Identifier: Apache-2.0
#include "gui/app/start_page.h"

#include <QCoreApplication>
#include <QDir>
#include <QDirIterator>
#include <QFileDialog>
#include <QFileInfo>
#include <QFrame>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/document/workspace.h"

namespace lathe {
namespace {

QLabel* heading(const QString& text, QWidget* parent) {
  auto* label = new QLabel(text, parent);
  QFont font = label->font();
  font.setBold(true);
  label->setFont(font);
  return label;
}

/// A flat button of two lines: a name and what is known of it.
QPushButton* fileButton(const QString& name, const QString& about, QWidget* parent) {
  auto* button = new QPushButton(name + QLatin1Char('\n') + about, parent);
  button->setStyleSheet(QStringLiteral("text-align: left; padding: 8px 12px;"));
  button->setCursor(Qt::PointingHandCursor);
  return button;
}

}  // namespace

QString examplesFolder() {
  const QString program = QCoreApplication::applicationDirPath();
  for (const QString& folder :
       {program + QStringLiteral("/../share/lathe/examples"), QStringLiteral(LATHE_EXAMPLES_DIR)})
    if (QFileInfo(folder).isDir()) return QDir(folder).canonicalPath();
  return {};
}

StartPage::StartPage(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("startPage"));
  auto* outer = new QHBoxLayout(this);
  auto* column = new QWidget(this);
  column->setMaximumWidth(760);
  auto* layout = new QVBoxLayout(column);
  layout->setSpacing(12);
  outer->addStretch();
  outer->addWidget(column, 1);
  outer->addStretch();

  layout->addStretch(1);
  auto* title = new QLabel(QStringLiteral("Lathe"), column);
  QFont font = title->font();
  font.setPointSizeF(font.pointSizeF() * 2.2);
  font.setBold(true);
  title->setFont(font);
  layout->addWidget(title);

  auto* zone = new QFrame(column);
  zone->setObjectName(QStringLiteral("dropZone"));
  zone->setStyleSheet(QStringLiteral("#dropZone { border: 2px dashed palette(mid); border-radius: 10px; }"));
  zone->setMinimumHeight(190);
  auto* zoneLayout = new QVBoxLayout(zone);
  auto* text = new QLabel(tr("Drop a model here: .onnx, a converted folder, or a trace.json"), zone);
  text->setAlignment(Qt::AlignCenter);
  auto* buttons = new QHBoxLayout;
  auto* openModel = new QPushButton(tr("Open…"), zone);
  openModel->setObjectName(QStringLiteral("startOpenButton"));
  openModel->setProperty("primary", true);
  auto* openTrace = new QPushButton(tr("Open trace…"), zone);
  buttons->addStretch();
  buttons->addWidget(openModel);
  buttons->addWidget(openTrace);
  buttons->addStretch();
  zoneLayout->addStretch();
  zoneLayout->addWidget(text);
  zoneLayout->addLayout(buttons);
  zoneLayout->addStretch();
  layout->addWidget(zone);
  connect(openModel, &QPushButton::clicked, this,
          [this] { openDialog(tr("Models (*.onnx);;All files (*)")); });
  connect(openTrace, &QPushButton::clicked, this,
          [this] { openDialog(tr("Traces (*.json *.json.gz);;All files (*)")); });

  layout->addWidget(heading(tr("Examples"), column));
  QDirIterator examples(examplesFolder(), {QStringLiteral("*.onnx")}, QDir::Files,
                        QDirIterator::Subdirectories);
  QFileInfoList models;
  while (examples.hasNext()) models.append(QFileInfo(examples.next()));
  std::sort(models.begin(), models.end(),
            [](const QFileInfo& a, const QFileInfo& b) { return a.filePath() < b.filePath(); });
  for (const QFileInfo& file : std::as_const(models)) {
    auto* button = fileButton(file.completeBaseName(), QLocale().formattedDataSize(file.size()), column);
    layout->addWidget(button);
    connect(button, &QPushButton::clicked, this,
            [this, file] { m_workspace.open({file.absoluteFilePath()}); });
  }

  layout->addWidget(heading(tr("Recent"), column));
  m_recent = new QVBoxLayout;
  layout->addLayout(m_recent);
  layout->addStretch(2);
  connect(&workspace.recentFiles(), &RecentFiles::changed, this, &StartPage::fillRecent);
  fillRecent();
}

void StartPage::fillRecent() {
  while (QLayoutItem* item = m_recent->takeAt(0)) {
    if (item->widget() != nullptr) item->widget()->deleteLater();
    delete item;
  }
  int shown = 0;
  for (const RecentFiles::Entry& entry : m_workspace.recentFiles().entries()) {
    if (++shown > 5) break;
    const QString count = entry.kind == QLatin1String("trace") ? tr("%L1 slices").arg(entry.nodes)
                                                               : tr("%L1 nodes").arg(entry.nodes);
    auto* button = fileButton(
        QFileInfo(entry.path).fileName(),
        QStringLiteral("%1 · %2 · %3")
            .arg(count, QLocale().toString(entry.opened, QLocale::ShortFormat), QFileInfo(entry.path).path()),
        this);
    connect(button, &QPushButton::clicked, this, [this, path = entry.path] { m_workspace.open({path}); });
    m_recent->addWidget(button);
  }
  if (shown == 0) m_recent->addWidget(new QLabel(tr("Nothing yet: files you open are listed here."), this));
}

void StartPage::openDialog(const QString& filter) {
  QFileDialog dialog(this, tr("Open"), QString(), filter);
  dialog.setFileMode(QFileDialog::ExistingFiles);
  if (dialog.exec() == QDialog::Accepted) m_workspace.open(dialog.selectedFiles());
}

}  // namespace lathe
