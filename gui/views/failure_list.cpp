// SPDX-License-Identifier: Apache-2.0
#include "gui/views/failure_list.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QVBoxLayout>
#include <algorithm>

#include "gui/models/module_tree_model.h"
#include "gui/models/remedy_choices.h"
#include "gui/views/field_message.h"
#include "gui/views/remedy_line.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

constexpr size_t maxLinks = 4, maxRemedies = 4, maxEvidence = 3;

QString causeTitle(FailureCause cause) {
  switch (cause) {
    case FailureCause::dynamic_shape:
      return FailureList::tr("Shapes are not fixed");
    case FailureCause::data_dependent_shape:
      return FailureList::tr("A shape depends on the data");
    case FailureCause::data_dependent_control_flow:
      return FailureList::tr("Control flow depends on the data");
    case FailureCause::unsupported_operator:
      return FailureList::tr("Operator not supported");
    case FailureCause::unsupported_attribute:
      return FailureList::tr("Attribute not supported");
    case FailureCause::unsupported_input_type:
      return FailureList::tr("Input type not supported");
    case FailureCause::unsupported_output_type:
      return FailureList::tr("Output type not supported");
    case FailureCause::not_separable:
      return FailureList::tr("Cannot be cut out of the graph");
    case FailureCause::precision_loss:
      return FailureList::tr("Too much accuracy lost");
    case FailureCause::resource_limit:
      return FailureList::tr("Out of resources");
    case FailureCause::build_error:
      return FailureList::tr("The engine could not be built");
    case FailureCause::excluded:
      return FailureList::tr("Excluded by the settings");
  }
  return {};
}

/// A box with a bar at its left in the colour of errors.
class GroupBox : public QFrame {
 public:
  explicit GroupBox(bool grave, QWidget* parent) : QFrame(parent), m_grave(grave) {}

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    painter.fillRect(rect(), theme().raised);
    painter.fillRect(QRect(0, 0, 3, height()), m_grave ? theme().error : theme().neutral);
  }

 private:
  bool m_grave;
};

}  // namespace

FailureList::FailureList(Workspace& workspace, Detail detail, QWidget* parent)
    : QWidget(parent), m_workspace(workspace), m_detail(detail) {
  setObjectName(QStringLiteral("failureList"));
  m_column = new QVBoxLayout(this);
  m_column->setContentsMargins(0, 0, 0, 0);
  m_column->setSpacing(6);
  connect(&workspace.document(), &Document::conversionChanged, this, &FailureList::refresh);
  refresh();
}

void FailureList::refresh() {
  while (QLayoutItem* item = m_column->takeAt(0)) {
    if (item->widget() != nullptr) {
      item->widget()->hide();
      item->widget()->deleteLater();
    }
    delete item;
  }
  m_linkColor = theme().accent;
  m_report = m_workspace.document().conversion();
  m_groups = m_report ? failureGroups(*m_report) : std::vector<FailureGroup>();
  for (const FailureGroup& group : m_groups) m_column->addWidget(makeGroup(group));
  emit refreshed();
}

void FailureList::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && m_linkColor.isValid() && m_linkColor != theme().accent)
    refresh();
}

QWidget* FailureList::makeGroup(const FailureGroup& group) {
  auto* box = new GroupBox(group.cause != FailureCause::excluded, this);
  auto* column = new QVBoxLayout(box);
  column->setContentsMargins(12, 8, 10, 8);
  column->setSpacing(4);
  auto* head = new QHBoxLayout;
  auto* title = makeHeading(causeTitle(group.cause), box);
  title->setToolTip(QString::fromLatin1(to_string(group.cause)));
  head->addWidget(title);
  head->addStretch();
  const size_t modules = group.modules.size();
  auto* count = new QLabel(modules == 1 ? tr("1 module") : tr("%1 modules").arg(modules), box);
  count->setForegroundRole(QPalette::PlaceholderText);
  head->addWidget(count);
  column->addLayout(head);
  QString sentence = group.sentence;
  if (!sentence.isEmpty()) sentence[0] = sentence[0].toUpper();
  auto* about = new QLabel(sentence + QLatin1Char('.'), box);
  about->setWordWrap(true);
  about->setTextFormat(Qt::PlainText);
  column->addWidget(about);
  QLabel* evidence = makeEvidence(group, box);
  if (m_detail == Detail::Full) {
    column->addWidget(makeModules(group, box));
    column->addWidget(evidence);
  } else {
    about->setToolTip(evidence->toolTip());
    evidence->hide();
  }
  addRemedies(group, box, column);
  return box;
}

void FailureList::addRemedies(const FailureGroup& group, QWidget* box, QVBoxLayout* column) {
  size_t shown = 0;
  for (const Remedy& remedy : group.remedies) {
    if (remedy.kind == Remedy::Kind::keep_eager && remedyWay(remedy) == RemedyWay::Person) continue;
    if (shown == 0) {
      column->addSpacing(2);
      column->addWidget(makeHeading(tr("What to do"), box));
    }
    if (++shown > maxRemedies) break;
    column->addWidget(new RemedyLine(m_workspace, remedy, box));
  }
}

QLabel* FailureList::makeModules(const FailureGroup& group, QWidget* parent) {
  const Document& document = m_workspace.document();
  QStringList links;
  for (size_t i = 0; i < std::min(group.modules.size(), maxLinks); ++i)
    links << QStringLiteral("<a href='%1' style='color:%3'>%2</a>")
                 .arg(group.modules[i].index)
                 .arg(moduleTitle(document, group.modules[i]).toHtmlEscaped(), m_linkColor.name());
  QString text = links.join(QStringLiteral(", "));
  if (group.modules.size() > maxLinks) text += tr(" and %1 more").arg(group.modules.size() - maxLinks);
  auto* label = new QLabel(text, parent);
  label->setWordWrap(true);
  label->setTextInteractionFlags(Qt::LinksAccessibleByMouse | Qt::LinksAccessibleByKeyboard);
  label->setToolTip(tr("Click a module to select it in all views"));
  connect(label, &QLabel::linkActivated, this, [this](const QString& link) {
    m_workspace.selection().selectModule(ModuleId(static_cast<size_t>(link.toUInt())));
  });
  return label;
}

QLabel* FailureList::makeEvidence(const FailureGroup& group, QWidget* parent) {
  const Failure& failure = *group.first->failure;
  QStringList lines;
  for (size_t i = 0; i < std::min(failure.chain.size(), maxEvidence); ++i)
    lines << QString::fromStdString(failure.chain[i]).trimmed();
  if (failure.chain.size() > maxEvidence) lines << QStringLiteral("…");
  auto* label = makeHint(lines.join(QLatin1Char('\n')), parent);
  label->setTextFormat(Qt::PlainText);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  label->setVisible(!lines.isEmpty());
  label->setToolTip(tr("How it comes about in %1:\n%2")
                        .arg(moduleTitle(m_workspace.document(), group.first->module),
                             QString::fromStdString(failure.traceback())));
  return label;
}

}  // namespace lathe
