// SPDX-License-Identifier: Apache-2.0
// The inspector: everything that is known of what is selected.
#include <QCoreApplication>
#include <QEvent>
#include <QScrollBar>
#include <QTextBrowser>
#include <QTimer>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/document/workspace.h"
#include "gui/models/module_tree_model.h"
#include "gui/models/remedy_choices.h"
#include "gui/views/inspector_pages.h"
#include "gui/views/weights_box.h"
#include "gui/widgets/theme.h"

namespace lathe {
namespace {

class Inspector : public QWidget {
  Q_DECLARE_TR_FUNCTIONS(lathe::Inspector)
 public:
  Inspector(Workspace& workspace, QWidget* parent);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  using FactsPtr = std::shared_ptr<const NodeFacts>;
  void select(const Selected& selected);
  void findFacts();
  void refresh();
  void styleText();
  void open(const QUrl& url);

  Workspace& m_workspace;
  QTextBrowser* m_text;
  WeightsBox* m_weights;
  QTimer* m_later;  ///< a conversion changes states by the hundred: one refresh for many
  FactsPtr m_facts;
};

Inspector::Inspector(Workspace& workspace, QWidget* parent)
    : QWidget(parent),
      m_workspace(workspace),
      m_text(new QTextBrowser(this)),
      m_weights(new WeightsBox(workspace, this)),
      m_later(new QTimer(this)) {
  setObjectName(QStringLiteral("inspector"));
  m_text->setObjectName(QStringLiteral("inspectorText"));
  m_text->setAccessibleName(tr("Inspector"));
  m_text->setOpenLinks(false);
  m_text->setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
  m_text->setPlaceholderText(tr("Open a model, then select a module, node or tensor."));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addWidget(m_text, 1);
  column->addWidget(m_weights);

  m_later->setSingleShot(true);
  m_later->setInterval(60);
  connect(m_later, &QTimer::timeout, this, &Inspector::refresh);
  connect(m_text, &QTextBrowser::anchorClicked, this, &Inspector::open);
  connect(&workspace.selection(), &Selection::changed, this, &Inspector::select);
  Document& document = workspace.document();
  connect(&document, &Document::modelChanged, this, [this] { select(m_workspace.selection().current()); });
  for (const auto signal :
       {&Document::modelRefreshed, &Document::conversionChanged, &Document::activeTraceChanged})
    connect(&document, signal, this, [this] {
      findFacts();
      m_later->start();
    });
  for (const auto signal :
       {&Document::moduleStatesChanged, &Document::configurationChanged, &Document::forecastsChanged})
    connect(&document, signal, m_later, qOverload<>(&QTimer::start));
  styleText();
  select(workspace.selection().current());
}

void Inspector::select(const Selected& selected) {
  m_facts.reset();
  const Model* model = m_workspace.document().model();
  m_weights->setWeights(model != nullptr ? weightsOf(*model, selected) : std::vector<ValueId>());
  findFacts();
  refresh();
  m_text->verticalScrollBar()->setValue(0);
}

void Inspector::findFacts() {
  const Document& document = m_workspace.document();
  const NodeId node = m_workspace.selection().current().node;
  if (document.model() == nullptr || !node.valid() || node.index >= document.model()->graph.nodes().size())
    return;
  const auto opened = document.opened();
  const TraceEntry* active = document.active();
  const auto report = document.isDryRun() ? nullptr : document.conversion();
  // The same choice as of the tree's columns: see shownTimes().
  std::shared_ptr<const Trace> before = active != nullptr ? active->trace : nullptr;
  int runs = active != nullptr ? active->statistics.runs : 1;
  if (report && (before == nullptr || before == report->after.trace)) {
    before = report->before.trace;
    runs = report->before.statistics.runs;
  }
  m_workspace.jobs().start<FactsPtr>(
      QString(), QStringLiteral("inspector"),
      [opened, node, before, runs, report](const JobContext& job) -> Result<FactsPtr> {
        auto facts = std::make_shared<NodeFacts>();
        facts->details = describe_node(*opened, node);
        LATHE_TRY(job.check());
        const std::string& name = opened->model->graph.node(node).name;
        if (before) facts->before = findRun(*before, runs, name);
        LATHE_TRY(job.check());
        if (report && report->after.trace)
          facts->after = findRun(*report->after.trace, report->after.statistics.runs, name);
        return FactsPtr(std::move(facts));
      },
      [this, opened, node](Result<FactsPtr> result) {
        const bool current = m_workspace.document().model() == opened->model.get() &&
                             m_workspace.selection().current().node == node;
        if (!result || !current) return;
        m_facts = *result;
        refresh();
      });
}

void Inspector::refresh() {
  const Document& document = m_workspace.document();
  const Selected& selected = m_workspace.selection().current();
  const int scrolled = m_text->verticalScrollBar()->value();
  m_text->setHtml(inspectorPage(document, selected, m_facts.get()));
  m_text->verticalScrollBar()->setValue(scrolled);
}

void Inspector::open(const QUrl& url) {
  const QString text = url.toString();
  if (const Remedy* remedy = remedyOf(m_workspace.document(), text))
    return m_workspace.requestRemedy(withForecast(m_workspace.document(), *remedy));
  const QStringList parts = text.split(QLatin1Char(':'));
  if (parts.size() != 2) return;
  const auto index = static_cast<size_t>(parts[1].toULongLong());
  Selection& selection = m_workspace.selection();
  if (parts[0] == QLatin1String("node")) selection.selectNode(NodeId(index));
  if (parts[0] == QLatin1String("value")) selection.selectValue(ValueId(index));
  if (parts[0] == QLatin1String("module")) selection.selectModule(ModuleId(index));
}

void Inspector::styleText() {
  m_text->document()->setDefaultStyleSheet(
      QStringLiteral("a { color: %1; text-decoration: none; }").arg(theme().accent.name()));
}

void Inspector::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) {
    styleText();
    m_later->start();
  }
  QWidget::changeEvent(event);
}

}  // namespace

void register_inspector(ViewRegistry& registry) {
  registry.add({QStringLiteral("inspector"), QCoreApplication::translate("views", "Inspector"),
                ViewEntry::Place::Right,
                [](Workspace& workspace, QWidget* parent) { return new Inspector(workspace, parent); }});
}

}  // namespace lathe
