// SPDX-License-Identifier: Apache-2.0
#include "gui/views/results_view.h"

#include <QDesktopServices>
#include <QDir>
#include <QFileInfo>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedWidget>
#include <QUrl>
#include <QVBoxLayout>

#include "gui/app/view_registry.h"
#include "gui/views/accuracy_table.h"
#include "gui/views/failure_list.h"
#include "gui/views/field_message.h"
#include "gui/views/files_written.h"
#include "gui/views/remedies_taken.h"
#include "gui/views/statistics_table.h"
#include "gui/widgets/balance_bar.h"
#include "gui/widgets/card.h"
#include "gui/widgets/distribution_chart.h"
#include "gui/widgets/ring.h"

namespace lathe {

ResultsView::ResultsView(Workspace& workspace, QWidget* parent) : QWidget(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("resultsView"));
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  m_pages = new QStackedWidget(this);
  m_pages->addWidget(makeEmptyPage());
  m_pages->addWidget(makeContent());
  outer->addWidget(m_pages);
  m_refresh.setSingleShot(true);
  m_refresh.setInterval(0);
  connect(&m_refresh, &QTimer::timeout, this, &ResultsView::refresh);
  const auto later = [this] { m_refresh.start(); };
  const Document& document = workspace.document();
  connect(&document, &Document::modelChanged, this, later);
  connect(&document, &Document::conversionChanged, this, later);
  connect(&document, &Document::tracesChanged, this, later);
  connect(&document, &Document::activeTraceChanged, this, later);
  refresh();
}

QWidget* ResultsView::makeEmptyPage() {
  auto* page = new QWidget(this);
  page->setBackgroundRole(QPalette::Base);
  page->setAutoFillBackground(true);
  auto* column = new QVBoxLayout(page);
  m_emptyText = makeHint(QString(), page);
  m_emptyText->setAlignment(Qt::AlignCenter);
  m_emptyButton = new QPushButton(tr("Set up a conversion"), page);
  m_emptyButton->setObjectName(QStringLiteral("resultsConvertButton"));
  m_emptyButton->setProperty("primary", true);
  connect(m_emptyButton, &QPushButton::clicked, this,
          [this] { m_workspace.showView(QStringLiteral("convert")); });
  column->addStretch();
  column->addWidget(m_emptyText);
  column->addSpacing(10);
  column->addWidget(m_emptyButton, 0, Qt::AlignHCenter);
  column->addStretch();
  return page;
}

QWidget* ResultsView::makeSection(const QString& title, const QString& tip, QWidget* widget,
                                  QVBoxLayout* column) {
  auto* section = new QWidget(widget->parentWidget());
  auto* inner = new QVBoxLayout(section);
  inner->setContentsMargins(0, 0, 0, 0);
  inner->setSpacing(8);
  QLabel* heading = makeHeading(title, section);
  heading->setToolTip(tip);
  inner->addWidget(heading);
  inner->addWidget(widget);
  column->addWidget(section);
  return section;
}

QLayout* ResultsView::makeCards() {
  auto* row = new QHBoxLayout(m_cards);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(10);
  const auto add = [&](const QString& title, const char* name, const QString& tip, int stretch) {
    auto* card = new Card(title, m_cards);
    card->setObjectName(QLatin1String(name));
    card->setToolTip(tip);
    row->addWidget(card, stretch);
    return card;
  };
  m_modules =
      add(tr("Modules converted"), "modulesCard",
          tr("Modules that run inside an engine, of all that own an operator or hold one that does"), 4);
  m_ring = new Ring(m_modules);
  m_modules->setPicture(m_ring);
  m_engines = add(tr("Engines"), "enginesCard",
                  tr("Compiled pieces the converted model consists of; one is best"), 2);
  m_latency =
      add(tr("Latency"), "latencyCard",
          tr("Median time of one run, operator by operator before, with engines after; recording off"), 4);
  m_accuracy = add(tr("Accuracy"), "accuracyCard", tr("Judged on the data set before and after"), 4);
  m_size = add(tr("Written"), "sizeCard", tr("Size of the folder with models, traces and reports"), 2);
  return row;
}

QWidget* ResultsView::makeContent() {
  auto* scroll = new QScrollArea(this);
  scroll->setObjectName(QStringLiteral("resultsScroll"));
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  auto* content = new QWidget(scroll);
  content->setBackgroundRole(QPalette::Base);
  content->setAutoFillBackground(true);
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(16, 12, 16, 16);
  column->setSpacing(18);
  auto* head = new QHBoxLayout;
  auto* titles = new QVBoxLayout;
  titles->setSpacing(1);
  m_title = makeHeading(QString(), content);
  QFont large = m_title->font();
  large.setPointSizeF(large.pointSizeF() * 1.25);
  m_title->setFont(large);
  m_about = makeHint(QString(), content);
  m_about->setTextInteractionFlags(Qt::TextSelectableByMouse);
  titles->addWidget(m_title);
  titles->addWidget(m_about);
  head->addLayout(titles, 1);
  m_openFolder = new QPushButton(tr("Open folder"), content);
  m_openFolder->setObjectName(QStringLiteral("openFolderButton"));
  head->addWidget(m_openFolder, 0, Qt::AlignTop);
  connect(m_openFolder, &QPushButton::clicked, this, [this] {
    if (const auto& report = m_workspace.document().conversion())
      QDesktopServices::openUrl(QUrl::fromLocalFile(QString::fromStdString(report->folder.string())));
  });
  column->addLayout(head);
  m_cards = new QWidget(content);
  m_cards->setLayout(makeCards());
  column->addWidget(m_cards);
  m_remedies = new RemediesTaken(content);
  m_remedySection = makeSection(
      tr("Remedies"), tr("What was done so that more of the model converts, and how much outputs differ"),
      m_remedies, column);
  m_failures = new FailureList(m_workspace, FailureList::Detail::Full, content);
  m_failureSection =
      makeSection(tr("Not converted, by cause"), tr("These modules run eagerly"), m_failures, column);
  m_byModule = new AccuracyTable(m_workspace, content);
  m_byModuleSection = makeSection(
      tr("Accuracy by module"),
      tr("The model in fp32 and the converted one, run side by side: how far each tensor that leaves a "
         "module is from what it should be"),
      m_byModule, column);
  m_balance = new BalanceBar(content);
  m_balanceSection =
      makeSection(tr("Where the time of one run goes"),
                  tr("Each part is the sum of its recorded slices. What no slice accounts for is shown "
                     "as unexplained, so that the bar adds up to the latency."),
                  m_balance, column);
  m_chart = new DistributionChart(content);
  m_chartSection = makeSection(tr("How the latency spreads"),
                               tr("All timed runs, recording off. The line is the median."), m_chart, column);
  m_table = new StatisticsTable(m_workspace, content);
  m_tableSection =
      makeSection(tr("Statistics"), tr("Times of one run; click a header to sort"), m_table, column);
  m_files = new FilesWritten(content);
  m_fileSection = makeSection(tr("Files written"), tr("Double-click opens a file"), m_files, column);
  column->addStretch();
  scroll->setWidget(content);
  return scroll;
}

void ResultsView::refresh() {
  const Document& document = m_workspace.document();
  const bool any = document.conversion() || document.active() != nullptr;
  m_pages->setCurrentIndex(any ? 1 : 0);
  m_emptyButton->setVisible(document.model() != nullptr);
  m_emptyText->setText(
      document.model() == nullptr
          ? tr("Open a model to see here what converting it brings.")
          : tr("Nothing measured yet.\nA dry run (F7) tells in a moment what would convert and why not; "
               "Profile (F5) shows where the time goes."));
  if (!any) return;
  showTitle();
  showCards();
  showTimes();
  const bool written = document.conversion() && !document.isDryRun();
  m_openFolder->setVisible(written);
  m_fileSection->setVisible(written);
  m_files->setFiles(written ? document.conversion()->files : std::vector<std::filesystem::path>());
  m_byModuleSection->setVisible(!m_byModule->isEmpty());
  m_failureSection->setVisible(!m_failures->isEmpty());
  m_remedies->setRemedies(document.conversion() ? document.conversion()->conversion.remedies
                                                : std::vector<AppliedRemedy>());
  m_remedySection->setVisible(!m_remedies->isEmpty());
}

void register_results_view(ViewRegistry& registry) {
  registry.add({QStringLiteral("results"), ResultsView::tr("Results"), ViewEntry::Place::Centre,
                [](Workspace& workspace, QWidget* parent) { return new ResultsView(workspace, parent); }});
}

}  // namespace lathe
