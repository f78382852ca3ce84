// SPDX-License-Identifier: Apache-2.0
#include "gui/app/export_dialog.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QDir>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include "gui/document/workspace.h"

namespace lathe {

ExportDialog::ExportDialog(Workspace& workspace, QWidget* parent) : QDialog(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("exportDialog"));
  setWindowTitle(tr("Export"));
  setMinimumWidth(520);
  auto* layout = new QVBoxLayout(this);
  const bool converted = workspace.document().conversion() && !workspace.document().isDryRun();
  m_hint = new QLabel(this);
  m_hint->setWordWrap(true);
  layout->addWidget(m_hint);
  if (converted) {
    m_hint->setText(tr("Files of the conversion:"));
    const std::pair<QString, QStringList> groups[] = {
        {tr("Reports (workflow_report, conversion_report, statistics, report.json, report.html, config, "
            "log)"),
         {QStringLiteral("*report*"), QStringLiteral("statistics.csv"), QStringLiteral("config.json"),
          QStringLiteral("lathe.log")}},
        {tr("Traces (trace.json, trace_before.json)"), {QStringLiteral("trace*.json")}},
        {tr("Models (model.onnx, one file per engine, weights)"),
         {QStringLiteral("*.onnx"), QStringLiteral("weights.bin")}}};
    for (const auto& [text, patterns] : groups) {
      auto* box = new QCheckBox(text, this);
      box->setChecked(true);
      layout->addWidget(box);
      m_choices.emplace_back(box, patterns);
    }
  } else if (workspace.document().active() != nullptr) {
    m_hint->setText(tr("trace.json of “%1” will be written. Convert the model for reports and engines.")
                        .arg(workspace.document().active()->label));
  } else {
    m_hint->setText(tr("There is nothing to export yet: profile the model (F5) or convert it (F8) first."));
  }
  auto* row = new QHBoxLayout;
  m_folder = new QLineEdit(this);
  m_folder->setObjectName(QStringLiteral("exportFolder"));
  m_folder->setPlaceholderText(tr("Folder to write to"));
  auto* browse = new QPushButton(tr("Browse…"), this);
  row->addWidget(m_folder, 1);
  row->addWidget(browse);
  layout->addLayout(row);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
  m_export = buttons->addButton(tr("Export"), QDialogButtonBox::AcceptRole);
  m_export->setObjectName(QStringLiteral("exportRunButton"));
  m_export->setProperty("primary", true);
  layout->addWidget(buttons);
  connect(browse, &QPushButton::clicked, this, [this] {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Export to"));
    if (!folder.isEmpty()) m_folder->setText(folder);
  });
  connect(m_folder, &QLineEdit::textChanged, this, &ExportDialog::updateState);
  connect(buttons, &QDialogButtonBox::accepted, this, &ExportDialog::run);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  updateState();
}

void ExportDialog::updateState() {
  const bool something = !m_choices.empty() || m_workspace.document().active() != nullptr;
  m_export->setEnabled(something && !m_folder->text().trimmed().isEmpty());
}

void ExportDialog::run() {
  const QString folder = QDir::cleanPath(m_folder->text().trimmed());
  if (m_choices.empty()) {
    QDir().mkpath(folder);
    m_workspace.saveActiveTrace(folder + QStringLiteral("/trace.json"));
  } else {
    QStringList patterns;
    for (const auto& [box, names] : m_choices)
      if (box->isChecked()) patterns << names;
    const QString source = QString::fromStdString(m_workspace.document().conversion()->folder.string());
    m_workspace.exportConversion(folder, QDir(source).entryList(patterns, QDir::Files));
  }
  accept();
}

}  // namespace lathe
