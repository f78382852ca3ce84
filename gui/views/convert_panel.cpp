// SPDX-License-Identifier: Apache-2.0
#include "gui/views/convert_panel.h"

#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/views/conversion_progress.h"
#include "gui/views/failure_list.h"
#include "gui/views/field_message.h"
#include "gui/views/path_edit.h"
#include "gui/views/remedies_box.h"
#include "gui/views/settings_tree.h"
#include "gui/views/shapes_box.h"
#include "profiler/evaluate/evaluate.h"

namespace lathe {

ConvertPanel::ConvertPanel(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("convertPanel"));
  setMinimumWidth(340);
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->setSpacing(0);
  m_scroll = new QScrollArea(this);
  m_scroll->setWidgetResizable(true);
  m_scroll->setFrameShape(QFrame::NoFrame);
  m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* content = new QWidget(m_scroll);
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(10, 6, 10, 10);
  column->setSpacing(6);
  makeShapes(column);
  makeRemedies(column);
  makeModules(column);
  column->addSpacing(6);
  column->addWidget(makeHeading(tr("Data and output"), this));
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  makeData(form);
  makeOutput(form);
  column->addLayout(form);
  m_scroll->setWidget(content);
  outer->addWidget(m_scroll, 1);
  makeFooter(outer);

  Document& document = workspace.document();
  connect(&document, &Document::modelChanged, this, &ConvertPanel::takeModel);
  connect(&document, &Document::configurationChanged, this, &ConvertPanel::showConfiguration);
  connect(&document, &Document::remedyRestored, this, &ConvertPanel::tryRestored);
  connect(&workspace, &Workspace::conversionStarted, this, &ConvertPanel::checkFields);
  connect(&workspace, &Workspace::conversionEnded, this, &ConvertPanel::checkFields);
  connect(&workspace, &Workspace::conversionEnded, this, &ConvertPanel::tellOutcome);
  connect(&workspace, &Workspace::remedyRequested, this, &ConvertPanel::takeRemedy);
  takeModel();
}

void ConvertPanel::makeShapes(QVBoxLayout* column) {
  auto* head = new QHBoxLayout;
  head->addWidget(makeHeading(tr("Input shapes"), this));
  head->addStretch();
  head->addWidget(makeSettingsMenu());
  column->addLayout(head);
  m_shapes = new ShapesBox(m_workspace, this);
  column->addWidget(m_shapes);
  connect(m_shapes, &ShapesBox::validityChanged, this, &ConvertPanel::checkFields);
}

void ConvertPanel::makeRemedies(QVBoxLayout* column) {
  column->addSpacing(6);
  m_failureSection = new QWidget(this);
  auto* section = new QVBoxLayout(m_failureSection);
  section->setContentsMargins(0, 0, 0, 0);
  section->addWidget(makeHeading(tr("Not converted"), m_failureSection));
  m_failures = new FailureList(m_workspace, FailureList::Detail::Brief, m_failureSection);
  section->addWidget(m_failures);
  column->addWidget(m_failureSection);
  const auto showFailures = [this] { m_failureSection->setVisible(!m_failures->isEmpty()); };
  connect(m_failures, &FailureList::refreshed, this, showFailures);
  showFailures();
  column->addWidget(makeHeading(tr("Remedies"), this));
  auto* taken = new RemediesBox(m_workspace, this);
  column->addWidget(taken);
  connect(taken, &RemediesBox::removeRequested, this, &ConvertPanel::removeRemedy);
}

void ConvertPanel::makeModules(QVBoxLayout* column) {
  column->addSpacing(6);
  column->addWidget(makeHeading(tr("Modules"), this));
  column->addWidget(new SettingsTree(m_workspace, this), 1);
}

void ConvertPanel::makeData(QFormLayout* form) {
  const QString filter = tr("Data sets (*.npz *.json);;All files (*)");
  m_data = new PathEdit(PathEdit::Mode::File, QStringLiteral("dataEdit"), filter, this);
  m_data->line()->setPlaceholderText(tr("optional: .npz or .dataset.json"));
  m_data->setToolTip(
      tr("Samples to measure on and to judge accuracy with: an .npz whose arrays bear the inputs' "
         "names, or a data set manifest.\nWithout one, random inputs are timed and accuracy is not told."));
  form->addRow(tr("Data set"), m_data);
  auto* judged = new QHBoxLayout;
  m_metric = new QComboBox(this);
  m_metric->setObjectName(QStringLiteral("metric"));
  m_metric->setToolTip(tr("What judges the outputs; the data set's own unless chosen here"));
  m_metric->addItem(tr("the data set's"), QString());
  for (const auto& [name, description] : list_metrics()) {
    m_metric->addItem(QString::fromStdString(name), QString::fromStdString(name));
    m_metric->setItemData(m_metric->count() - 1, QString::fromStdString(description), Qt::ToolTipRole);
  }
  m_limit = new QSpinBox(this);
  m_limit->setObjectName(QStringLiteral("sampleLimit"));
  m_limit->setRange(0, 10'000'000);
  m_limit->setButtonSymbols(QAbstractSpinBox::NoButtons);
  m_limit->setSpecialValueText(tr("all samples"));
  m_limit->setSuffix(tr(" samples"));
  m_limit->setToolTip(tr("How many samples to judge accuracy with, from the first on; 0 takes all"));
  judged->addWidget(m_metric, 1);
  judged->addWidget(m_limit, 1);
  form->addRow(tr("Metric"), judged);
  m_calibrationRow = new QWidget(this);
  auto* calibration = new QVBoxLayout(m_calibrationRow);
  calibration->setContentsMargins(0, 0, 0, 0);
  calibration->setSpacing(4);
  m_calibration = new PathEdit(PathEdit::Mode::File, QStringLiteral("calibrationEdit"), filter, this);
  m_calibration->line()->setPlaceholderText(tr("samples to find value ranges with"));
  m_calibrator = new QComboBox(this);
  m_calibrator->setObjectName(QStringLiteral("calibrator"));
  m_calibrator->addItem(tr("the calibrator that does best"), QString());
  for (const char* name : {"minmax", "entropy", "percentile", "mse"})
    m_calibrator->addItem(QLatin1String(name), QLatin1String(name));
  m_calibrator->setToolTip(tr("How the range of int8 is chosen from the values seen"));
  calibration->addWidget(m_calibration);
  calibration->addWidget(m_calibrator);
  form->addRow(tr("Calibration"), m_calibrationRow);
  m_calibrationLabel = form->labelForField(m_calibrationRow);
  for (QWidget* widget : {static_cast<QWidget*>(m_metric), static_cast<QWidget*>(m_calibrator),
                          static_cast<QWidget*>(m_limit)}) {
    widget->setFocusPolicy(Qt::StrongFocus);
    widget->installEventFilter(this);
  }
  connect(m_data, &PathEdit::typed, this, &ConvertPanel::checkFields);
  connect(m_data, &PathEdit::edited, this,
          [this] { editText(tr("data set"), &Configuration::data, m_data->text()); });
  connect(m_calibration, &PathEdit::edited, this,
          [this] { editText(tr("calibration data"), &Configuration::calibration, m_calibration->text()); });
  connect(m_calibrator, &QComboBox::activated, this, [this] {
    editText(tr("calibrator"), &Configuration::calibrator, m_calibrator->currentData().toString());
  });
  connect(m_metric, &QComboBox::activated, this,
          [this] { editText(tr("metric"), &Configuration::metric, m_metric->currentData().toString()); });
}

void ConvertPanel::makeOutput(QFormLayout* form) {
  m_folder = new PathEdit(PathEdit::Mode::Folder, QStringLiteral("outputFolder"), QString(), this);
  m_folder->setToolTip(
      tr("Folder for the converted model, traces and reports. It is written whole or not at all."));
  form->addRow(tr("Write to"), m_folder);
  m_tune = new QCheckBox(tr("Choose kernels by measurement"), this);
  m_tune->setObjectName(QStringLiteral("tune"));
  m_tune->setToolTip(
      tr("Times the kernels that could run a step and takes the fastest, instead of going by rules. Takes "
         "longer the first time; what was found is remembered for this machine."));
  form->addRow(QString(), m_tune);
  connect(m_tune, &QCheckBox::clicked, this, [this](bool on) {
    Configuration made = m_workspace.document().configuration();
    made.tune = on;
    m_workspace.document().editConfiguration(tr("kernels by measurement"), std::move(made));
  });
  connect(m_folder, &PathEdit::typed, this, &ConvertPanel::checkFields);
  connect(m_folder, &PathEdit::edited, this, &ConvertPanel::checkFields);
}

void ConvertPanel::makeFooter(QVBoxLayout* column) {
  auto* line = new QFrame(this);
  line->setFrameShape(QFrame::HLine);
  line->setForegroundRole(QPalette::Mid);
  line->setFrameShadow(QFrame::Plain);
  column->addWidget(line);
  auto* footer = new QVBoxLayout;
  footer->setContentsMargins(10, 8, 10, 10);
  footer->setSpacing(8);
  footer->addWidget(new ConversionProgress(m_workspace, this));
  m_reason = makeHint(QString(), this);
  footer->addWidget(m_reason);
  auto* buttons = new QHBoxLayout;
  const auto add = [&](const QString& text, const char* name, const QString& tip) {
    auto* button = new QPushButton(text, this);
    button->setObjectName(QLatin1String(name));
    button->setToolTip(tip);
    buttons->addWidget(button, 1);
    return button;
  };
  m_dryRun = add(tr("Dry run"), "dryRunButton",
                 tr("See at once what would convert and why not; nothing is built or written (F7)"));
  m_convert = add(tr("Convert"), "convertButton",
                  tr("Build the engines, measure before and after, and write the folder"));
  m_convert->setProperty("primary", true);
  m_cancel = add(tr("Cancel"), "cancelButton", tr("Stop; nothing half-written is left"));
  footer->addLayout(buttons);
  column->addLayout(footer);
  connect(m_dryRun, &QPushButton::clicked, this, &ConvertPanel::dryRun);
  connect(m_convert, &QPushButton::clicked, this, &ConvertPanel::convert);
  connect(m_cancel, &QPushButton::clicked, &m_workspace, &Workspace::cancelConversion);
}

bool ConvertPanel::eventFilter(QObject* watched, QEvent* event) {
  // The wheel scrolls the panel; it must not change a choice it happens to pass over.
  if (event->type() == QEvent::Wheel && !static_cast<QWidget*>(watched)->hasFocus()) {
    event->ignore();
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

void register_convert_panel(ViewRegistry& registry) {
  registry.add({QStringLiteral("convert"), ConvertPanel::tr("Convert"), ViewEntry::Place::Right,
                [](Workspace& workspace, QWidget* parent) { return new ConvertPanel(workspace, parent); }});
}

}  // namespace lathe
