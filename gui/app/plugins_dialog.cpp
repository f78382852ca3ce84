// SPDX-License-Identifier: Apache-2.0
#include "gui/app/plugins_dialog.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QFileInfo>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QTreeWidget>
#include <QVBoxLayout>

#include "gui/views/field_message.h"
#include "gui/views/path_edit.h"

namespace lathe {
namespace {

enum Column { File, Operators, AtStart };

}  // namespace

PluginsDialog::PluginsDialog(Plugins& plugins, QWidget* parent) : QDialog(parent), m_plugins(plugins) {
  setObjectName(QStringLiteral("pluginsDialog"));
  setWindowTitle(tr("Operator plugins"));
  resize(640, 420);
  auto* column = new QVBoxLayout(this);
  column->setSpacing(8);
  auto* warning =
      new QLabel(tr("A plugin is a program: loading one runs its code inside Lathe, with all your "
                    "rights. Load only libraries that you trust."),
                 this);
  warning->setObjectName(QStringLiteral("pluginWarning"));
  warning->setWordWrap(true);
  column->addWidget(warning);
  column->addWidget(makeLoader());
  column->addSpacing(6);
  column->addWidget(makeHeading(tr("Loaded now or at every start"), this));
  m_empty = makeHint(tr("None yet. A plugin brings operators that this build does not have."), this);
  column->addWidget(m_empty);
  makeList();
  column->addWidget(m_list, 1);
  column->addStretch();
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
  for (QAbstractButton* button : buttons->buttons())
    if (auto* push = qobject_cast<QPushButton*>(button)) push->setAutoDefault(false);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  column->addWidget(buttons);
  connect(&plugins, &Plugins::loadedOne, this, [this](const QString& file) {
    m_plugins.setAtStart(file, m_atStart->isChecked());
    m_file->setText({});
    m_file->setMessage({}, false);
    refresh();
  });
  connect(&plugins, &Plugins::failed, this, [this](const Error& error) {
    // The file's name stands above.
    QString text = QString::fromStdString(error.what);
    for (const std::string& hint : error.hints) text += QLatin1Char('\n') + QString::fromStdString(hint);
    m_file->setMessage(text, true);
    refresh();
  });
  refresh();
}

QWidget* PluginsDialog::makeLoader() {
  auto* loader = new QWidget(this);
  auto* column = new QVBoxLayout(loader);
  column->setContentsMargins(0, 0, 0, 0);
  auto* row = new QHBoxLayout;
  m_file = new PathEdit(PathEdit::Mode::File, QStringLiteral("pluginEdit"),
                        tr("Libraries (*.so *.dylib *.dll);;All files (*)"), loader);
  m_file->line()->setPlaceholderText(tr("a library of operators"));
  m_load = new QPushButton(tr("Load"), loader);
  m_load->setObjectName(QStringLiteral("pluginLoadButton"));
  m_load->setProperty("primary", true);
  row->addWidget(m_file, 1);
  row->addWidget(m_load, 0, Qt::AlignTop);
  column->addLayout(row);
  m_atStart = new QCheckBox(tr("Load it at every start of Lathe, too"), loader);
  m_atStart->setObjectName(QStringLiteral("pluginAtStart"));
  column->addWidget(m_atStart);
  connect(m_load, &QPushButton::clicked, this, &PluginsDialog::load);
  connect(m_file, &PathEdit::typed, this, [this] {
    m_file->setMessage({}, false);
    refresh();
  });
  connect(m_file, &PathEdit::edited, this, &PluginsDialog::refresh);
  return loader;
}

void PluginsDialog::makeList() {
  m_list = new QTreeWidget(this);
  m_list->setObjectName(QStringLiteral("pluginList"));
  m_list->setRootIsDecorated(false);
  m_list->setHeaderLabels({tr("Library"), tr("Operators"), tr("At every start")});
  m_list->header()->setStretchLastSection(false);
  m_list->header()->setSectionResizeMode(File, QHeaderView::ResizeToContents);
  m_list->header()->setSectionResizeMode(Operators, QHeaderView::Stretch);
  m_list->header()->setSectionResizeMode(AtStart, QHeaderView::ResizeToContents);
  connect(m_list, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem* item, int column) {
    if (column == AtStart)
      m_plugins.setAtStart(item->data(File, Qt::UserRole).toString(),
                           item->checkState(AtStart) == Qt::Checked);
  });
}

void PluginsDialog::load() {
  m_load->setEnabled(false);
  m_file->setMessage(tr("Loading…"), false);
  m_plugins.load(m_file->text());
}

QTreeWidgetItem* PluginsDialog::addFile(const QString& file) {
  auto* item = new QTreeWidgetItem(m_list, {QFileInfo(file).fileName()});
  item->setData(File, Qt::UserRole, file);
  item->setToolTip(File, file);
  item->setCheckState(AtStart, m_plugins.atStart().contains(file) ? Qt::Checked : Qt::Unchecked);
  return item;
}

void PluginsDialog::refresh() {
  m_load->setEnabled(!m_file->text().isEmpty());
  const QSignalBlocker quiet(m_list);
  m_list->clear();
  QStringList waiting = m_plugins.atStart();
  for (const LoadedPlugin& plugin : m_plugins.loaded()) {
    const QString file = QString::fromStdString(plugin.file.string());
    QTreeWidgetItem* item = addFile(file);
    QStringList operators;
    for (const std::string& name : plugin.operators) operators << QString::fromStdString(name);
    item->setText(Operators, operators.join(QStringLiteral(", ")));
    item->setToolTip(Operators, QString::fromStdString(plugin.name + ' ' + plugin.version) +
                                    QLatin1Char('\n') + operators.join(QLatin1Char('\n')));
    waiting.removeAll(file);
  }
  for (const QString& file : std::as_const(waiting)) addFile(file)->setText(Operators, tr("not loaded now"));
  m_list->setVisible(m_list->topLevelItemCount() > 0);
  m_empty->setVisible(m_list->topLevelItemCount() == 0);
}

}  // namespace lathe
