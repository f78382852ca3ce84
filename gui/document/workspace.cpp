// SPDX-License-Identifier: Apache-2.0
#include "gui/document/workspace.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <algorithm>
#include <optional>

namespace lathe {
namespace {

using OpenedPtr = std::shared_ptr<const OpenedModel>;
using TracePtr = std::shared_ptr<const Trace>;
using ConvertPtr = std::shared_ptr<const ConvertReport>;
using ProfilePtr = std::shared_ptr<const ProfileReport>;

std::filesystem::path toPath(const QString& text) {
  return text.toStdString();
}

ModuleState stateOf(const std::string& word) {
  if (word == "success") return ModuleState::Success;
  if (word == "failed") return ModuleState::Failed;
  if (word == "ignored") return ModuleState::Ignored;
  return ModuleState::Trying;
}

/// Shapes that the configuration pins or gives an optimum for.
std::map<std::string, Shape> configuredShapes(const Configuration& configuration, const Model& model) {
  std::map<std::string, Shape> shapes;
  for (const ValueId id : model.graph.inputs()) {
    const std::string& name = model.graph.value(id).name;
    const auto range = configuration.range(name);
    if (!range) continue;
    bool whole = !range->opt.empty();
    for (const int64_t size : range->opt) whole = whole && size > 0;
    if (whole) shapes[name] = range->opt;
  }
  return shapes;
}

/// The file that a library of custom operators may mend.
bool lacksOperators(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::error && finding.code == "unknown_operator";
  });
}

/// Why a model that was read cannot be worked with: errors such as an operator this build does not know.
/// Nothing when there are none.
std::optional<Notice> refusalOf(const Findings& findings) {
  Notice notice{Notice::Kind::Error, {}, {}};
  qsizetype errors = 0;
  for (const Finding& finding : findings) {
    if (finding.severity != Severity::error || ++errors > 1) continue;
    notice.text = QString::fromStdString(finding.where + ": " + finding.message);
    if (!finding.remedy.empty()) notice.hints << QString::fromStdString(finding.remedy);
  }
  if (errors == 0) return std::nullopt;
  if (errors > 1)
    notice.hints << QCoreApplication::translate("Workspace", "%L1 more errors; lathe inspect lists them all")
                        .arg(errors - 1);
  if (lacksOperators(findings))
    notice.hints << QCoreApplication::translate("Workspace",
                                                "A library can add operators: File ▸ Operator Plugins…");
  return notice;
}

}  // namespace

Workspace::Workspace(QObject* parent)
    : QObject(parent), m_selection(m_document), m_coloring(m_document), m_plugins(m_jobs) {
  connect(&m_plugins, &Plugins::loadedOne, this, [this](const QString& file) {
    notify({Notice::Kind::Success, tr("Loaded %1").arg(file), {}});
    if (!m_refused.isEmpty()) openModel(m_refused);
  });
  connect(&m_plugins, &Plugins::failedAtStart, this, &Workspace::notifyError);
  connect(&m_jobs, &JobRunner::reported, this, [this](int id, const Progress& progress) {
    if (id == m_conversionJob)
      m_document.setModuleState(QString::fromStdString(progress.subject), stateOf(progress.state));
  });
  connect(&m_jobs, &JobRunner::finished, this, [this](int id) {
    const JobInfo* job = m_jobs.find(id);
    if (job != nullptr && !job->title.isEmpty())  // without a title: work behind a view
      log(tr("%1: %2 (%3 s)")
              .arg(job->title, job->state == JobInfo::State::Done     ? tr("done")
                               : job->state == JobInfo::State::Failed ? job->text
                                                                      : tr("cancelled"))
              .arg(static_cast<double>(job->elapsedMs) / 1000.0, 0, 'f', 2));
  });
}

void Workspace::notify(const Notice& notice) {
  log(notice.text);
  emit noticed(notice);
}

void Workspace::notifyError(const Error& error) {
  if (error.kind == ErrorKind::interrupted) return;
  Notice notice{Notice::Kind::Error, QString::fromStdString(error.text()), {}};
  for (const std::string& hint : error.hints) notice.hints << QString::fromStdString(hint);
  notify(notice);
}

void Workspace::log(const QString& line) {
  emit logged(line);
}

void Workspace::open(const QStringList& paths) {
  bool modelTaken = false;
  for (const QString& path : paths) {
    const QFileInfo info(path);
    const bool trace = info.suffix() == QLatin1String("json") || path.endsWith(QLatin1String(".json.gz"));
    if (info.isFile() && trace) {
      openTrace(path);
    } else if (modelTaken) {
      notify({Notice::Kind::Info, tr("%1 was left: one model is open at a time").arg(path), {}});
    } else {
      modelTaken = true;
      if (info.isDir())
        openFolder(path);
      else
        openModel(path);
    }
  }
}

void Workspace::openModel(const QString& path) {
  m_jobs.start<OpenedPtr>(
      tr("Open %1").arg(QFileInfo(path).fileName()), QStringLiteral("open"),
      [path](const JobContext& job) { return open_model(toPath(path), {}, job); },
      [this, path](Result<OpenedPtr> result) {
        if (!result) return notifyError(result.error());
        m_refused = lacksOperators((*result)->findings) ? path : QString();
        if (const auto refusal = refusalOf((*result)->findings)) return notify(*refusal);
        cancelConversion();
        m_jobs.cancelSlot(QStringLiteral("profile"));
        m_recent.add(path, QStringLiteral("model"),
                     static_cast<qlonglong>((*result)->model->graph.node_count()));
        m_selection.clear();
        m_document.setModel(path, *result);
        showView(QStringLiteral("graph"));
      });
}

void Workspace::openFolder(const QString& path) {
  m_jobs.start<ConvertPtr>(
      tr("Open %1").arg(QFileInfo(path).fileName()), QStringLiteral("open"),
      [path](const JobContext& job) { return open_conversion(toPath(path), job); },
      [this, path](Result<ConvertPtr> result) {
        if (!result) return notifyError(result.error());
        const ConvertPtr& report = *result;
        m_recent.add(path, QStringLiteral("conversion"),
                     static_cast<qlonglong>(report->opened->model->graph.node_count()));
        m_selection.clear();
        m_document.setModel(path, report->opened);
        m_document.setConfiguration(report->conversion.configuration);
        m_document.setConversion(report);
        m_document.addTrace(entryOf(tr("before"), report->before));
        m_document.addTrace(entryOf(tr("after"), report->after));
        showView(QStringLiteral("results"));
      });
}

void Workspace::openTrace(const QString& path) {
  m_jobs.start<std::shared_ptr<const TraceEntry>>(
      tr("Open %1").arg(QFileInfo(path).fileName()), QString(),
      [path](const JobContext& job) -> Result<std::shared_ptr<const TraceEntry>> {
        LATHE_ASSIGN(TracePtr trace, open_trace(toPath(path), job));
        auto entry = std::make_shared<TraceEntry>();
        entry->label = QFileInfo(path).fileName();
        entry->statistics = statistics(*trace);
        entry->trace = std::move(trace);
        return std::shared_ptr<const TraceEntry>(std::move(entry));
      },
      [this, path](Result<std::shared_ptr<const TraceEntry>> result) {
        if (!result) return notifyError(result.error());
        m_recent.add(path, QStringLiteral("trace"), static_cast<qlonglong>((*result)->trace->slice_count()));
        m_document.addTrace(**result);
        showView(QStringLiteral("timeline"));
      });
}

void Workspace::refreshShapes() {
  if (m_document.model() == nullptr) return;
  const OpenedPtr opened = m_document.opened();
  const auto shapes = configuredShapes(m_document.configuration(), *opened->model);
  m_jobs.start<OpenedPtr>(
      tr("Infer shapes"), QStringLiteral("shapes"),
      [opened, shapes](const JobContext& job) { return with_shapes(*opened, shapes, job); },
      [this, opened](Result<OpenedPtr> result) {
        if (!result) return notifyError(result.error());
        if (m_document.opened() == opened) m_document.refreshModel(*result);
      });
}

RunRequest Workspace::runRequest(RunMode mode) const {
  RunRequest request;
  request.opened = m_document.opened();
  request.mode = mode;
  if (m_document.model() != nullptr)
    request.shapes = configuredShapes(m_document.configuration(), *m_document.model());
  request.warmup = 2;
  request.runs = 5;
  return request;
}

void Workspace::profile(RunMode mode) {
  if (m_document.model() == nullptr) return;
  const QString label = mode == RunMode::eager ? tr("eager") : tr("engine");
  const OpenedPtr opened = m_document.opened();
  m_jobs.start<ProfilePtr>(
      tr("Profile %1 (%2)").arg(m_document.title(), label), QStringLiteral("profile"),
      [request = runRequest(mode)](const JobContext& job) { return profile_model(request, job); },
      [this, label, opened](Result<ProfilePtr> result) {
        if (!result) return notifyError(result.error());
        if (m_document.opened() == nullptr || m_document.opened()->model != opened->model) return;
        const ProfileReport& report = **result;
        m_document.addTrace({label, report.trace, report.statistics, report.balance, report.latency});
        showView(QStringLiteral("timeline"));
      });
}

void Workspace::saveActiveTrace(const QString& file) {
  const TraceEntry* entry = m_document.active();
  if (entry == nullptr) return;
  m_jobs.start<bool>(
      tr("Write %1").arg(QFileInfo(file).fileName()), QString(),
      [trace = entry->trace, file](const JobContext&) -> Result<bool> {
        LATHE_TRY(save_trace(*trace, toPath(file)));
        return true;
      },
      [this, file](Result<bool> result) {
        if (!result) return notifyError(result.error());
        notify({Notice::Kind::Success, tr("Wrote %1").arg(file), {}});
        emit exported(file);
      });
}

}  // namespace lathe
