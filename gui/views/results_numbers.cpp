// SPDX-License-Identifier: Apache-2.0
// The numbers of the results view: what the cards say and whose times are shown.
#include <QDir>
#include <QFileInfo>
#include <QLabel>
#include <array>
#include <cmath>

#include "gui/views/files_written.h"
#include "gui/views/results_view.h"
#include "gui/views/statistics_table.h"
#include "gui/widgets/balance_bar.h"
#include "gui/widgets/card.h"
#include "gui/widgets/distribution_chart.h"
#include "gui/widgets/format.h"
#include "gui/widgets/ring.h"

namespace lathe {
namespace {

const QString arrow = QStringLiteral(" → ");

/// "AP" before "AP50", as the metric judges by it.
std::string mainMetric(const std::map<std::string, double>& values) {
  for (const char* name : {"AP", "top1", "snr_db"})
    if (values.contains(name)) return name;
  return values.empty() ? std::string() : values.begin()->first;
}

QString metricTitle(const std::string& name) {
  if (name == "top1") return QStringLiteral("top-1");
  if (name == "top5") return QStringLiteral("top-5");
  if (name == "snr_db") return QStringLiteral("SNR");
  return QString::fromStdString(name);
}

QString metricText(const std::string& name, double value) {
  return name == "snr_db" ? QStringLiteral("%1 dB").arg(value, 0, 'f', 1) : QString::number(value, 'f', 3);
}

struct SideToShow {
  QString label;
  const Statistics* statistics;
  const TimeBalance* balance;
  const Distribution* latency;
  int color;
};

/// Before and after a conversion; else the active recording.
std::vector<SideToShow> sidesOf(const Document& document) {
  if (document.conversion() && !document.isDryRun()) {
    const ConvertReport& report = *document.conversion();
    return {{ResultsView::tr("Before"), &report.before.statistics, &report.before.balance,
             &report.before.latency, 0},
            {ResultsView::tr("After"), &report.after.statistics, &report.after.balance, &report.after.latency,
             2}};
  }
  if (const TraceEntry* entry = document.active())
    return {{entry->label, &entry->statistics, &entry->balance, &entry->latency, 0}};
  return {};
}

qint64 bytesOf(const std::vector<std::filesystem::path>& files) {
  qint64 bytes = 0;
  for (const auto& file : files) bytes += QFileInfo(QString::fromStdString(file.string())).size();
  return bytes;
}

}  // namespace

void ResultsView::showTitle() {
  const Document& document = m_workspace.document();
  const auto& report = document.conversion();
  if (report && document.isDryRun()) {
    m_title->setText(tr("Dry run of %1").arg(document.title()));
    m_about->setText(
        document.active() != nullptr
            ? tr("What would convert, and why not. Nothing was built; times are of the recording “%1”.")
                  .arg(document.active()->label)
            : tr("What would convert, and why not. Nothing was built or measured: Convert does both."));
  } else if (report) {
    m_title->setText(tr("%1, converted").arg(document.title()));
    m_about->setText(QDir::toNativeSeparators(QString::fromStdString(report->folder.string())));
  } else {
    m_title->setText(document.active()->label);
    m_about->setText(tr("A recording. Convert the model to see here what engines bring."));
  }
}

void ResultsView::showCards() {
  const Document& document = m_workspace.document();
  const auto& report = document.conversion();
  m_cards->setVisible(report != nullptr);
  if (!report) return;
  const bool dry = document.isDryRun();
  const Conversion& conversion = report->conversion;
  // What the settings keep eager, and what holds it, is no failure to a person.
  int failed = 0;
  for (const ModuleOutcome& outcome : conversion.outcomes)
    failed += outcome.status == ModuleStatus::failed &&
              !(outcome.failure && outcome.failure->cause == FailureCause::excluded);
  const int eager = std::max(0, conversion.total - conversion.converted - failed);
  m_ring->setCounts(conversion.converted, failed, eager);
  QStringList rest;
  if (failed > 0) rest << (dry ? tr("%1 would fail") : tr("%1 failed")).arg(failed);
  if (eager > 0) rest << tr("%1 kept eager").arg(eager);
  m_modules->setValue(
      tr("%1 of %2").arg(conversion.converted).arg(conversion.total),
      rest.isEmpty() ? (dry ? tr("all of it would") : tr("all of it")) : rest.join(QStringLiteral(", ")));
  m_modules->setTone(rest.isEmpty() ? Card::Tone::Good : failed > 0 ? Card::Tone::Bad : Card::Tone::Plain);
  // Engines of neighbouring modules may have been merged.
  const auto engines = static_cast<int>(conversion.partition.pieces.size());
  m_engines->setValue(QString::number(engines), dry ? tr("would be built")
                                                : engines < conversion.engines
                                                    ? tr("merged from %1").arg(conversion.engines)
                                                    : QString());
  for (Card* card : {m_latency, m_accuracy, m_size}) card->setVisible(!dry);
  if (dry) return;
  const double before = report->before.latency.p50, after = report->after.latency.p50;
  const double factor = after > 0 ? before / after : 0;
  m_latency->setValue(formatDuration(before) + arrow + formatDuration(after),
                      factor >= 1 ? tr("%1 times as fast").arg(factor, 0, 'f', 2)
                                  : tr("slower: %1 of the speed").arg(formatPercent(factor)));
  m_latency->setTone(factor > 1.02 ? Card::Tone::Good : factor < 0.98 ? Card::Tone::Bad : Card::Tone::Plain);
  const auto &was = report->before.accuracy, &is = report->after.accuracy;
  const std::string metric = mainMetric(is);
  if (metric.empty() || !was.contains(metric)) {
    m_accuracy->setValue(QStringLiteral("–"), tr("no data set given"));
    m_accuracy->setTone(Card::Tone::Plain);
  } else {
    const double change = is.at(metric) - was.at(metric);
    // What three digits do not show is said to be the same.
    const QString changed =
        std::abs(change) < 0.0005
            ? tr("unchanged")
            : (change > 0 ? QStringLiteral("+") : QStringLiteral("−")) + metricText(metric, std::abs(change));
    m_accuracy->setValue(metricText(metric, was.at(metric)) + arrow + metricText(metric, is.at(metric)),
                         metricTitle(metric) + QStringLiteral(", ") + changed);
    m_accuracy->setTone(change < -0.002 ? Card::Tone::Bad : Card::Tone::Good);
    QStringList all;
    for (const auto& [name, value] : is)
      if (was.contains(name))
        all << metricTitle(name) + QLatin1Char(' ') + metricText(name, was.at(name)) + arrow +
                   metricText(name, value);
    m_accuracy->setToolTip(
        tr("Judged on the data set before and after:\n%1").arg(all.join(QLatin1Char('\n'))));
  }
  m_size->setValue(formatBytes(bytesOf(report->files)), tr("%1 files").arg(report->files.size()));
}

void ResultsView::showTimes() {
  std::vector<BalanceBar::Row> rows;
  std::vector<DistributionChart::Series> series;
  std::vector<StatisticsModel::Side> tables;
  for (const SideToShow& side : sidesOf(m_workspace.document())) {
    if (side.balance->latency_ns > 0) rows.push_back({side.label, *side.balance});
    if (side.latency->count > 0) series.push_back({side.label, *side.latency, side.color});
    tables.push_back({side.label, std::make_shared<const Statistics>(*side.statistics)});
  }
  m_balanceSection->setVisible(!rows.empty());
  m_chartSection->setVisible(!series.empty());
  m_tableSection->setVisible(!tables.empty());
  m_balance->setRows(std::move(rows));
  m_chart->setSeries(std::move(series));
  m_table->setSides(std::move(tables));
}

}  // namespace lathe
