// SPDX-License-Identifier: Apache-2.0
// What the workbench did, a line each with the time of day.
#include <QCoreApplication>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QPlainTextEdit>
#include <QTime>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/document/workspace.h"

namespace lathe {
namespace {

constexpr int keptLines = 5000;

class LogPanel : public QWidget {
  Q_DECLARE_TR_FUNCTIONS(lathe::LogPanel)
 public:
  LogPanel(Workspace& workspace, QWidget* parent) : QWidget(parent), m_text(new QPlainTextEdit(this)) {
    setObjectName(QStringLiteral("logPanel"));
    m_text->setObjectName(QStringLiteral("logView"));
    m_text->setAccessibleName(tr("Log"));
    m_text->setReadOnly(true);
    m_text->setMaximumBlockCount(keptLines);
    m_text->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    m_text->setPlaceholderText(tr("What is opened, run and written is noted here."));
    auto* clear = new QToolButton(this);
    clear->setObjectName(QStringLiteral("clearLog"));
    clear->setText(tr("Clear"));
    clear->setToolTip(tr("Forgets all lines"));
    connect(clear, &QToolButton::clicked, m_text, &QPlainTextEdit::clear);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 6, 0);
    row->addWidget(m_text, 1);
    row->addWidget(clear, 0, Qt::AlignTop);
    connect(&workspace, &Workspace::logged, this, [this](const QString& line) {
      m_text->appendPlainText(QTime::currentTime().toString(QStringLiteral("HH:mm:ss  ")) + line);
    });
  }

 private:
  QPlainTextEdit* m_text;
};

}  // namespace

void register_log_panel(ViewRegistry& registry) {
  registry.add({QStringLiteral("log"), QCoreApplication::translate("views", "Log"), ViewEntry::Place::Bottom,
                [](Workspace& workspace, QWidget* parent) { return new LogPanel(workspace, parent); }});
}

}  // namespace lathe
