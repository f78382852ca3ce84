// SPDX-License-Identifier: Apache-2.0
#include "gui/views/conversion_progress.h"

#include <QLabel>
#include <QProgressBar>
#include <QVBoxLayout>

namespace lathe {

ConversionProgress::ConversionProgress(Workspace& workspace, QWidget* parent)
    : QWidget(parent), m_workspace(workspace) {
  setObjectName(QStringLiteral("conversionProgress"));
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(3);
  m_stage = new QLabel(this);
  m_stage->setObjectName(QStringLiteral("conversionStage"));
  m_stage->setTextFormat(Qt::PlainText);
  // A long module path must not widen the dock.
  m_stage->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_counts = new QLabel(this);
  m_counts->setObjectName(QStringLiteral("conversionCounts"));
  m_counts->setForegroundRole(QPalette::PlaceholderText);
  m_counts->setWordWrap(true);
  m_bar = new QProgressBar(this);
  m_bar->setTextVisible(false);
  m_bar->setFixedHeight(6);
  column->addWidget(m_stage);
  column->addWidget(m_bar);
  column->addWidget(m_counts);
  hide();
  connect(&workspace, &Workspace::conversionStarted, this, &ConversionProgress::begin);
  connect(&workspace, &Workspace::conversionEnded, this, &ConversionProgress::end);
  connect(&workspace.jobs(), &JobRunner::reported, this, [this](int id, const Progress& progress) {
    if (id == m_job) take(progress);
  });
  connect(&workspace.jobs(), &JobRunner::changed, this, [this](int id) {
    if (const JobInfo* job = id == m_job ? m_workspace.jobs().find(id) : nullptr) show(*job);
  });
  connect(&workspace.document(), &Document::modelChanged, this, [this] {
    if (!m_workspace.converting()) hide();
  });
}

void ConversionProgress::begin(bool dryRun) {
  // The job has just been started: it is the newest one.
  m_job = m_workspace.jobs().jobs().empty() ? 0 : m_workspace.jobs().jobs().back().id;
  m_dryRun = dryRun;
  m_states.clear();
  m_part.clear();
  m_stage->setText(dryRun ? tr("Looking at the modules…") : tr("Starting…"));
  m_counts->clear();
  m_bar->setRange(0, 0);
  m_bar->show();
  QWidget::show();
}

void ConversionProgress::take(const Progress& progress) {
  if (progress.state.empty()) return;
  m_states[progress.subject] = progress.state;
  m_part =
      progress.subject.empty() ? m_workspace.document().title() : QString::fromStdString(progress.subject);
}

void ConversionProgress::show(const JobInfo& job) {
  // The runner words a message about a module as "path state"; only plain messages are stages of their own.
  const bool plain =
      !job.text.endsWith(QLatin1String("trying")) && !job.text.endsWith(QLatin1String("success")) &&
      !job.text.endsWith(QLatin1String("failed")) && !job.text.endsWith(QLatin1String("ignored"));
  QString stage = plain ? job.text : tr("trying %1").arg(m_part);
  if (!stage.isEmpty()) stage[0] = stage[0].toUpper();
  m_stage->setText(stage);
  m_stage->setToolTip(stage);
  m_counts->setText(counts());
  m_bar->setRange(0, job.fraction < 0 ? 0 : 1000);
  m_bar->setValue(static_cast<int>(job.fraction * 1000));
}

QString ConversionProgress::counts() const {
  int built = 0, failed = 0;
  for (const auto& [path, state] : m_states) {
    built += state == "success";
    failed += state == "failed";
  }
  return tr("Modules tried: %1 · engines: %2 · failed: %3").arg(m_states.size()).arg(built).arg(failed);
}

void ConversionProgress::end(bool ok) {
  m_bar->hide();
  const JobInfo* job = m_workspace.jobs().find(m_job);
  const auto& report = m_workspace.document().conversion();
  if (!ok || !report) {
    const bool failed = job != nullptr && job->state == JobInfo::State::Failed;
    m_stage->setText(failed ? tr("Failed") : tr("Cancelled: nothing was written"));
    m_counts->setText(failed ? job->text : counts());
    return;
  }
  const Conversion& conversion = report->conversion;
  const QString seconds =
      QString::number(job != nullptr ? static_cast<double>(job->elapsedMs) / 1000 : 0, 'f', 1);
  m_stage->setText(m_dryRun ? tr("Dry run done in %1 s").arg(seconds) : tr("Converted in %1 s").arg(seconds));
  m_counts->setText((m_dryRun ? tr("%1 of %2 modules would convert. Engines: %3. Nothing was built.")
                              : tr("%1 of %2 modules converted. Engines: %3."))
                        .arg(conversion.converted)
                        .arg(conversion.total)
                        .arg(conversion.engines));
}

}  // namespace lathe
