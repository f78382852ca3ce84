// SPDX-License-Identifier: Apache-2.0
// Dry runs, conversions, what remedies would bring, and taking what was written away.
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSaveFile>

#include "gui/document/workspace.h"
#include "gui/models/remedy_choices.h"
#include "profiler/workflow/remedies.h"

namespace lathe {
namespace {

using ConvertPtr = std::shared_ptr<const ConvertReport>;

const QString conversionSlot = QStringLiteral("conversion"), lookAheadSlot = QStringLiteral("lookAhead");

std::filesystem::path toPath(const QString& text) {
  return text.toStdString();
}

}  // namespace

bool Workspace::converting() const {
  return m_jobs.running(conversionSlot);
}

void Workspace::cancelConversion() {
  m_jobs.cancelSlot(conversionSlot);
}

void Workspace::dryRun() {
  if (m_document.model() == nullptr) return;
  if (building())
    return notify(
        {Notice::Kind::Info, tr("A conversion is under way: cancel it to try something else."), {}});
  ConvertRequest request;
  request.opened = m_document.opened();
  request.configuration = m_document.configuration();
  request.metric = request.configuration.metric;
  request.dry_run = true;
  // Samples tell shapes, and rewrites are compared on them; what is wrong with the file Convert tells.
  const QString data = QString::fromStdString(request.configuration.data);
  if (QFileInfo(data).isFile()) request.data = toPath(data);
  startConversion(std::move(request), tr("Dry run of %1").arg(m_document.title()));
}

void Workspace::convert(const ConversionTarget& target) {
  if (m_document.model() == nullptr) return;
  ConvertRequest request;
  request.opened = m_document.opened();
  request.configuration = m_document.configuration();
  request.out = toPath(target.folder);
  request.data = toPath(target.data);
  request.metric = target.metric.toStdString();
  request.limit = static_cast<size_t>(std::max(target.sampleLimit, 0));
  startConversion(std::move(request), tr("Convert %1").arg(m_document.title()));
}

void Workspace::startConversion(ConvertRequest request, const QString& title) {
  request.apply_remedies = m_takesWhatHelps;
  m_dryRunning = request.dry_run;
  m_jobs.cancelSlot(lookAheadSlot);
  m_document.clearModuleStates();
  m_conversionJob = m_jobs.start<ConvertPtr>(
      title, conversionSlot, [request](const JobContext& job) { return convert_model(request, job); },
      [this, request](Result<ConvertPtr> result) {
        const bool current = m_document.opened() && m_document.opened()->model == request.opened->model;
        if (result && current) {
          takeConversion(request, *result);
        } else if (!result) {
          m_document.clearModuleStates();
          Error error = result.error();
          if (error.where.starts_with("remedy "))
            error.hint(tr("It stands under “Remedies” in the convert panel and can be removed there.")
                           .toStdString());
          notifyError(error);
        }
        emit conversionEnded(result.ok());
      });
  emit conversionStarted(request.dry_run);
}

void Workspace::takeConversion(const ConvertRequest& request, ConvertPtr report) {
  Configuration settings = request.configuration;
  // What was taken unasked is a setting from now on: it is seen, saved and can be undone.
  const bool unchanged = to_json(settings) == to_json(m_document.configuration());
  if (request.apply_remedies && !request.dry_run && unchanged) {
    settings = withSteps(std::move(settings), report->conversion.configuration.remedies);
    m_document.editConfiguration(tr("remedies that helped"), settings);
  }
  m_document.setConversion(report, std::move(settings));
  m_coloring.setBy(ColorBy::Status);
  if (request.dry_run) return lookAhead(request, std::move(report));
  m_document.addTrace(entryOf(tr("before"), report->before));
  m_document.addTrace(entryOf(tr("after"), report->after));
  showView(QStringLiteral("results"));
}

/// Behind the views: what a dry run found is shown at once.
void Workspace::lookAhead(const ConvertRequest& request, ConvertPtr report) {
  constexpr size_t most = 6;
  std::vector<Remedy> offered = offeredRemedies(report->conversion);
  if (offered.empty()) return;
  offered.resize(std::min(offered.size(), most), offered.front());
  m_jobs.start<std::vector<Forecast>>(
      QString(), lookAheadSlot,
      [request, report, offered](const JobContext& job) {
        return forecast_remedies(request, report->conversion, offered, job);
      },
      [this, report](Result<std::vector<Forecast>> result) {
        if (result && m_document.conversion() == report) m_document.setForecasts(std::move(*result));
      });
}

void Workspace::writeHtmlReport(const QString& file) {
  const ConvertPtr report = m_document.conversion();
  if (!report || m_document.isDryRun()) return;
  m_jobs.start<bool>(
      tr("Write %1").arg(QFileInfo(file).fileName()), QString(),
      [report, file](const JobContext&) -> Result<bool> {
        LATHE_TRY(write_html_report(*report, toPath(file)));
        return true;
      },
      [this, file](Result<bool> result) {
        if (!result) return notifyError(result.error());
        notify({Notice::Kind::Success, tr("Wrote %1").arg(file), {}});
        emit exported(file);
      });
}

void Workspace::exportConversion(const QString& folder, const QStringList& names) {
  const ConvertPtr report = m_document.conversion();
  if (!report || m_document.isDryRun()) return;
  const QString source = QString::fromStdString(report->folder.string());
  m_jobs.start<int>(
      tr("Export to %1").arg(folder), QString(),
      [source, folder, names](const JobContext& job) -> Result<int> {
        if (QFileInfo(source).canonicalFilePath() == QFileInfo(folder).canonicalFilePath() &&
            QFileInfo::exists(folder))
          return usage_error(folder.toStdString(), "is where the conversion already is");
        if (!QDir().mkpath(folder)) return resource_error(folder.toStdString(), "cannot be made");
        int copied = 0;
        const QStringList all = names.isEmpty() ? QDir(source).entryList(QDir::Files) : names;
        for (const QString& name : all) {
          LATHE_TRY(job.check());
          QFile from(source + QLatin1Char('/') + name);
          QSaveFile to(folder + QLatin1Char('/') + name);
          if (!from.open(QIODevice::ReadOnly))
            return bad_input(from.fileName().toStdString(), from.errorString().toStdString());
          if (!to.open(QIODevice::WriteOnly))
            return resource_error(to.fileName().toStdString(), to.errorString().toStdString());
          while (!from.atEnd()) {
            LATHE_TRY(job.check());
            const QByteArray part = from.read(8 << 20);
            if (to.write(part) != part.size())
              return resource_error(to.fileName().toStdString(), to.errorString().toStdString());
          }
          if (!to.commit())
            return resource_error(to.fileName().toStdString(), to.errorString().toStdString());
          ++copied;
        }
        return copied;
      },
      [this, folder](Result<int> result) {
        if (!result) return notifyError(result.error());
        notify({Notice::Kind::Success, tr("Exported %n file(s) to %1", nullptr, *result).arg(folder), {}});
        emit exported(folder);
      });
}

}  // namespace lathe
