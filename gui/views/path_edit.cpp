// SPDX-License-Identifier: Apache-2.0
#include "gui/views/path_edit.h"

#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/views/field_message.h"

namespace lathe {
namespace {

QString droppedFile(const QMimeData* data) {
  for (const QUrl& url : data->urls())
    if (url.isLocalFile()) return url.toLocalFile();
  return {};
}

}  // namespace

PathEdit::PathEdit(Mode mode, const QString& name, const QString& filter, QWidget* parent)
    : QWidget(parent), m_mode(mode), m_filter(filter) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(2);
  auto* row = new QHBoxLayout;
  row->setSpacing(2);
  m_line = new QLineEdit(this);
  m_line->setObjectName(name);
  m_line->installEventFilter(this);
  auto* button = new QToolButton(this);
  button->setText(QStringLiteral("…"));
  button->setToolTip(tr("Browse"));
  row->addWidget(m_line, 1);
  row->addWidget(button);
  column->addLayout(row);
  m_message = new QLabel(this);
  m_message->setObjectName(name + QStringLiteral("Message"));
  m_message->setWordWrap(true);
  m_message->hide();
  column->addWidget(m_message);
  setFocusProxy(m_line);
  connect(button, &QToolButton::clicked, this, &PathEdit::browse);
  connect(m_line, &QLineEdit::textEdited, this, &PathEdit::typed);
  connect(m_line, &QLineEdit::editingFinished, this, &PathEdit::edited);
}

QString PathEdit::text() const {
  return m_line->text().trimmed();
}

void PathEdit::setText(const QString& text) {
  if (text != m_line->text()) m_line->setText(text);
}

void PathEdit::setMessage(const QString& text, bool isProblem) {
  m_isProblem = isProblem && !text.isEmpty();
  m_message->setText(text);
  m_message->setVisible(!text.isEmpty());
  applyColors();
}

void PathEdit::applyColors() {
  markField(m_line, m_message, m_isProblem);
}

void PathEdit::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) applyColors();
}

void PathEdit::browse() {
  const QString start = text().isEmpty() ? QString() : QFileInfo(text()).absolutePath();
  QString chosen;
  if (m_mode == Mode::File) {
    chosen = QFileDialog::getOpenFileName(this, tr("Choose a file"), start, m_filter);
  } else {
    // The folder need not be there yet: a name may be typed, and an earlier one is not merged with.
    QFileDialog dialog(this, tr("Folder to write"), start);
    dialog.setAcceptMode(QFileDialog::AcceptSave);
    dialog.setFileMode(QFileDialog::AnyFile);
    dialog.setOption(QFileDialog::ShowDirsOnly);
    dialog.setOption(QFileDialog::DontConfirmOverwrite);
    if (!text().isEmpty()) dialog.selectFile(QFileInfo(text()).fileName());
    if (dialog.exec() == QDialog::Accepted) chosen = dialog.selectedFiles().value(0);
  }
  if (chosen.isEmpty()) return;
  m_line->setText(chosen);
  emit edited();
}

bool PathEdit::eventFilter(QObject* watched, QEvent* event) {
  // A drop here is meant for this line, not for the window, which would open the file.
  if (event->type() == QEvent::DragEnter || event->type() == QEvent::DragMove) {
    auto* drag = static_cast<QDragMoveEvent*>(event);
    if (droppedFile(drag->mimeData()).isEmpty()) return false;
    drag->acceptProposedAction();
    return true;
  }
  if (event->type() == QEvent::Drop) {
    auto* drop = static_cast<QDropEvent*>(event);
    const QString file = droppedFile(drop->mimeData());
    if (file.isEmpty()) return false;
    drop->acceptProposedAction();
    m_line->setText(file);
    emit edited();
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace lathe
