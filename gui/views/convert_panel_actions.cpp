// SPDX-License-Identifier: Apache-2.0
// What the convert panel does: reading and checking its fields, starting work, config.json.
#include <QCheckBox>
#include <QComboBox>
#include <QDialog>
#include <QDialogButtonBox>
#include <QDir>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QFontDatabase>
#include <QLabel>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSaveFile>
#include <QScrollArea>
#include <QSpinBox>
#include <QStandardPaths>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/views/convert_panel.h"
#include "gui/views/path_edit.h"
#include "gui/views/shapes_box.h"

namespace lathe {
namespace {

bool usesInt8(const Configuration& configuration) {
  for (const auto& [path, settings] : configuration.modules)
    if (settings.int8 == true) return true;
  return false;
}

}  // namespace

QString ConvertPanel::defaultFolder() const {
  const QFileInfo model(m_workspace.document().path());
  QString folder = model.absolutePath();
  if (!QFileInfo(folder).isWritable())
    folder = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
  const QString base = folder + QLatin1Char('/') + model.completeBaseName() + QStringLiteral("-converted");
  QString made = base;
  for (int i = 2; QFileInfo::exists(made) && !is_conversion_folder(made.toStdString()); ++i)
    made = base + QLatin1Char('-') + QString::number(i);
  return QDir::toNativeSeparators(made);
}

void ConvertPanel::takeModel() {
  const bool any = m_workspace.document().model() != nullptr;
  m_scroll->setEnabled(any);
  m_folder->setText(any ? defaultFolder() : QString());
  m_limit->setValue(0);
  m_inferredFor.clear();
  m_inferredAxes.clear();
  showConfiguration();
}

void ConvertPanel::showConfiguration() {
  const Configuration& configuration = m_workspace.document().configuration();
  m_data->setText(QString::fromStdString(configuration.data));
  m_calibration->setText(QString::fromStdString(configuration.calibration));
  m_calibrator->setCurrentIndex(m_calibrator->findData(QString::fromStdString(configuration.calibrator)));
  m_tune->setChecked(configuration.tune);
  const QString metric = QString::fromStdString(configuration.metric);
  if (m_metric->findData(metric) < 0) m_metric->addItem(metric, metric);
  m_metric->setCurrentIndex(m_metric->findData(metric));
  m_calibrationRow->setVisible(usesInt8(configuration));
  m_calibrationLabel->setVisible(usesInt8(configuration));
  checkFields();
  // Shapes on the graph's edges follow what is typed here.
  std::map<std::string, std::map<int, int64_t>> axes;
  for (const auto& [input, byAxis] : configuration.dynamic_axes)
    for (const auto& [axis, sizes] : byAxis) axes[input][axis] = sizes.opt;
  if (m_workspace.document().model() == nullptr ||
      (configuration.input_shapes == m_inferredFor && axes == m_inferredAxes))
    return;
  m_inferredFor = configuration.input_shapes;
  m_inferredAxes = std::move(axes);
  m_workspace.refreshShapes();
}

void ConvertPanel::editText(const QString& what, std::string Configuration::*field, const QString& text) {
  Configuration made = m_workspace.document().configuration();
  made.*field = text.toStdString();
  m_workspace.document().editConfiguration(what, std::move(made));
  checkFields();
}

QString ConvertPanel::dataProblem(const QString& file) const {
  if (file.isEmpty() || QFileInfo(file).isFile()) return {};
  return QFileInfo::exists(file) ? tr("is a folder: choose an .npz or a manifest") : tr("is not there");
}

QString ConvertPanel::folderProblem() const {
  const QString folder = m_folder->text();
  if (folder.isEmpty()) return tr("Name a folder to write.");
  const QFileInfo info(folder);
  if (info.exists() && !info.isDir()) return tr("is a file");
  if (info.exists() && !QDir(folder).isEmpty() && !is_conversion_folder(folder.toStdString()))
    return tr("holds other files: name a new folder");
  return {};
}

void ConvertPanel::checkFields() {
  const bool any = m_workspace.document().model() != nullptr;
  const bool busy = m_workspace.converting();
  const QString data = dataProblem(m_data->text());
  const QString folder = any ? folderProblem() : QString();
  m_data->setMessage(data, true);
  const bool replaces = folder.isEmpty() && any && is_conversion_folder(m_folder->text().toStdString());
  m_folder->setMessage(replaces ? tr("An earlier conversion is there and will be replaced.") : folder,
                       !folder.isEmpty());
  const bool valid = m_shapes->isValid();
  const bool outdated = m_workspace.document().isOutdated() && !busy;
  m_dryRun->setEnabled(any && !busy && valid);
  m_convert->setEnabled(any && !busy && valid && data.isEmpty() && folder.isEmpty());
  m_cancel->setVisible(busy);
  m_dryRun->setVisible(!busy);
  m_reason->setText(!any       ? tr("Open a model to convert it.")
                    : !valid   ? tr("A shape above is not right yet.")
                    : outdated ? tr("The settings changed since: a dry run shows what that brings.")
                               : QString());
  m_reason->setVisible(!m_reason->text().isEmpty());
}

void ConvertPanel::dryRun() {
  if (m_shapes->commit()) m_workspace.dryRun();
}

void ConvertPanel::convert() {
  if (!m_shapes->commit()) return;
  ConversionTarget target;
  target.folder = QDir::fromNativeSeparators(m_folder->text());
  target.data = m_data->text();
  target.metric = m_metric->currentData().toString();
  target.sampleLimit = m_limit->value();
  m_workspace.convert(target);
}

QWidget* ConvertPanel::makeSettingsMenu() {
  auto* button = new QToolButton(this);
  button->setObjectName(QStringLiteral("settingsMenu"));
  button->setText(tr("config.json"));
  button->setToolTip(tr("Load, save or see these settings as the config.json that the command line takes"));
  button->setPopupMode(QToolButton::InstantPopup);
  auto* menu = new QMenu(button);
  menu->addAction(tr("Load…"), this, &ConvertPanel::loadSettings);
  menu->addAction(tr("Save…"), this, &ConvertPanel::saveSettings);
  menu->addAction(tr("Show as text"), this, &ConvertPanel::showSettingsText);
  button->setMenu(menu);
  return button;
}

void ConvertPanel::loadSettings() {
  const Document& document = m_workspace.document();
  const QString file =
      QFileDialog::getOpenFileName(this, tr("Load settings"), QFileInfo(document.path()).absolutePath(),
                                   tr("Settings (*.json);;All files (*)"));
  if (file.isEmpty() || document.model() == nullptr) return;
  QFile in(file);
  if (!in.open(QIODevice::ReadOnly))
    return m_workspace.notify({Notice::Kind::Error, tr("%1: %2").arg(file, in.errorString()), {}});
  Result<Configuration> read =
      parse_configuration(in.readAll().toStdString(), document.model()->modules, file.toStdString());
  if (!read) return m_workspace.notifyError(read.error());
  if (!read->plugins.empty())
    m_workspace.notify({Notice::Kind::Info,
                        tr("The settings name operator plugins, which are not loaded by themselves."),
                        {tr("Those you trust: File ▸ Operator Plugins…")}});
  // Files are named from where the settings lie.
  const QDir folder = QFileInfo(file).absoluteDir();
  for (std::string Configuration::*field : {&Configuration::data, &Configuration::calibration})
    if (const QString name = QString::fromStdString((*read).*field); !name.isEmpty())
      (*read).*field = folder.absoluteFilePath(name).toStdString();
  m_workspace.document().editConfiguration(tr("load %1").arg(QFileInfo(file).fileName()), std::move(*read));
}

void ConvertPanel::saveSettings() {
  const Document& document = m_workspace.document();
  const QString file = QFileDialog::getSaveFileName(
      this, tr("Save settings"), QFileInfo(document.path()).absolutePath() + QStringLiteral("/config.json"),
      tr("Settings (*.json)"));
  if (file.isEmpty()) return;
  const QByteArray text = QByteArray::fromStdString(to_json(document.configuration()));
  QSaveFile out(file);
  if (!out.open(QIODevice::WriteOnly) || out.write(text) != text.size() || !out.commit())
    return m_workspace.notify({Notice::Kind::Error, tr("%1: %2").arg(file, out.errorString()), {}});
  m_workspace.notify({Notice::Kind::Success, tr("Wrote %1").arg(file), {}});
}

void ConvertPanel::showSettingsText() {
  auto* dialog = new QDialog(this);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setObjectName(QStringLiteral("settingsText"));
  dialog->setWindowTitle(tr("Settings as config.json"));
  dialog->resize(560, 480);
  auto* column = new QVBoxLayout(dialog);
  auto* text =
      new QPlainTextEdit(QString::fromStdString(to_json(m_workspace.document().configuration())), dialog);
  text->setReadOnly(true);
  text->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, dialog);
  connect(buttons, &QDialogButtonBox::rejected, dialog, &QDialog::reject);
  column->addWidget(text);
  column->addWidget(buttons);
  dialog->open();
}

}  // namespace lathe
