// SPDX-License-Identifier: Apache-2.0
#include "gui/views/shapes_box.h"

#include <QEvent>
#include <QFormLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/document/workspace.h"
#include "gui/views/field_message.h"

namespace lathe {
namespace {

/// What people write: 1x3x96x96, 1,3,96,96, with blanks or ×.
Result<Shape> parseTyped(QString text) {
  text.remove(QLatin1Char(' ')).replace(QChar(0xd7), QLatin1Char('x'));
  return parse_shape(text.toStdString());
}

QString shapeText(const Shape& shape) {
  return QString::fromStdString(to_string(shape));
}

}  // namespace

ShapesBox::ShapesBox(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(6);
  m_hint = makeHint(QString(), this);
  column->addWidget(m_hint);
  m_form = new QFormLayout;
  m_form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  column->addLayout(m_form);
  m_model = new ShapeProfileModel(workspace.document(), this);
  m_table = new QTableView(this);
  m_table->setObjectName(QStringLiteral("shapeTable"));
  m_table->setModel(m_model);
  m_table->verticalHeader()->hide();
  m_table->setShowGrid(false);
  m_table->setTabKeyNavigation(false);  // Tab leaves the table; arrows move in it
  m_table->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_table->setEditTriggers(QAbstractItemView::AllEditTriggers);
  m_table->setSelectionMode(QAbstractItemView::SingleSelection);
  m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  m_table->horizontalHeader()->setHighlightSections(false);
  m_table->verticalHeader()->setDefaultSectionSize(24);
  m_table->setToolTip(
      tr("Sizes the engines accept, per axis that the model leaves open. A fixed shape is the quickest;\n"
         "a range from min to max compiles for each size it meets."));
  column->addWidget(m_table);
  m_typing.setSingleShot(true);
  m_typing.setInterval(350);
  connect(&m_typing, &QTimer::timeout, this, [this] { commit(); });
  Document& document = workspace.document();
  connect(&document, &Document::modelChanged, this, &ShapesBox::rebuild);
  connect(&document, &Document::configurationChanged, this, &ShapesBox::showConfiguration);
  rebuild();
}

void ShapesBox::rebuild() {
  m_typing.stop();
  while (m_form->rowCount() > 0) m_form->removeRow(0);
  m_lines.clear();
  const Model* model = m_workspace.document().model();
  if (model == nullptr) return fitTable();
  for (DynamicInput& input : dynamicInputs(*model)) {
    const QString name = QString::fromStdString(input.name);
    auto* field = new QWidget(this);
    auto* column = new QVBoxLayout(field);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(2);
    auto* edit = new QLineEdit(field);
    edit->setObjectName(QStringLiteral("shapeEdit_") + name);
    edit->setAccessibleName(tr("Shape of %1").arg(name));
    edit->setToolTip(
        tr("Fixed shape of “%1”, e.g. 1x3x96x96. Empty leaves it as the model has it.").arg(name));
    auto* message = new QLabel(field);
    message->setWordWrap(true);
    message->hide();
    column->addWidget(edit);
    column->addWidget(message);
    auto* label = new QLabel(name, this);
    label->setBuddy(edit);
    m_form->addRow(label, field);
    m_lines.push_back({std::move(input), edit, message});
    const size_t at = m_lines.size() - 1;
    connect(edit, &QLineEdit::textEdited, this, [this, at] {
      check(m_lines[at]);
      m_typing.start();
    });
    connect(edit, &QLineEdit::editingFinished, this, [this] { commit(); });
  }
  m_hint->setText(m_lines.empty()
                      ? tr("All inputs of this model have fixed shapes: nothing to give here.")
                      : tr("The model leaves sizes open. Engines need them: give a shape, or ranges below."));
  showConfiguration();
  fitTable();
}

void ShapesBox::fitTable() {
  const int rows = m_model->rowCount();
  m_table->setVisible(rows > 0);
  m_table->setFixedHeight(m_table->horizontalHeader()->sizeHint().height() + 24 * std::min(rows, 6) + 4);
  m_table->setVerticalScrollBarPolicy(rows > 6 ? Qt::ScrollBarAsNeeded : Qt::ScrollBarAlwaysOff);
}

void ShapesBox::showConfiguration() {
  const Document& document = m_workspace.document();
  if (document.model() == nullptr) return;
  const Configuration& configuration = document.configuration();
  const auto symbols = boundSymbols(configuration, *document.model());
  for (Line& line : m_lines) {
    line.edit->setPlaceholderText(shapeHint(line.input, symbols));
    // What is wrong, or being typed, stays.
    if (line.wrong || (m_typing.isActive() && line.edit->hasFocus())) continue;
    const auto pinned = configuration.input_shapes.find(line.input.name);
    const auto typed = parseTyped(line.edit->text());
    if (pinned == configuration.input_shapes.end())
      line.edit->clear();
    else if (!typed || *typed != pinned->second)
      line.edit->setText(shapeText(pinned->second));
    check(line);
  }
}

void ShapesBox::check(Line& line) {
  const QString text = line.edit->text().trimmed();
  QString problem;
  if (!text.isEmpty()) {
    const Result<Shape> shape = parseTyped(text);
    problem = shape ? shapeProblem(line.input, *shape)
                    : tr("is no shape: write sizes with x between, like 1x3x96x96");
  }
  const bool changed = line.wrong != !problem.isEmpty();
  line.wrong = !problem.isEmpty();
  line.message->setText(problem);
  line.message->setVisible(line.wrong);
  markField(line.edit, line.message, line.wrong);
  if (changed) emit validityChanged();
}

bool ShapesBox::isValid() const {
  return std::none_of(m_lines.begin(), m_lines.end(), [](const Line& line) { return line.wrong; });
}

bool ShapesBox::commit() {
  m_typing.stop();
  if (!isValid()) return false;
  Configuration made = m_workspace.document().configuration();
  bool changed = false;
  for (const Line& line : m_lines) {
    const QString text = line.edit->text().trimmed();
    const auto pinned = made.input_shapes.find(line.input.name);
    if (text.isEmpty()) {
      if (pinned == made.input_shapes.end()) continue;
      made.input_shapes.erase(pinned);
    } else {
      const Shape shape = *parseTyped(text);
      if (pinned != made.input_shapes.end() && pinned->second == shape) continue;
      made.input_shapes[line.input.name] = shape;
    }
    // A shape typed here is what is wanted; ranges of before would contradict it.
    made.dynamic_axes.erase(line.input.name);
    changed = true;
  }
  if (changed) m_workspace.document().editConfiguration(tr("input shapes"), std::move(made));
  return true;
}

void ShapesBox::focusInput(const QString& input) {
  for (const Line& line : m_lines)
    if (QString::fromStdString(line.input.name) == input || input.isEmpty()) {
      line.edit->setFocus();
      line.edit->selectAll();
      return;
    }
}

void ShapesBox::editProfile(const QString& input) {
  const QModelIndex first = m_model->indexOf(input);
  if (!first.isValid()) return;
  m_table->setFocus();
  m_table->setCurrentIndex(first);
  m_table->edit(first);
}

void ShapesBox::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange)
    for (const Line& line : m_lines) markField(line.edit, line.message, line.wrong);
}

}  // namespace lathe
