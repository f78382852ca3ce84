// SPDX-License-Identifier: Apache-2.0
#include "gui/document/plugins.h"

#include <QFileInfo>
#include <QSettings>

#include "profiler/workflow/plugins.h"

namespace lathe {
namespace {

const QString settingsKey = QStringLiteral("pluginsAtStart");

}  // namespace

Plugins::Plugins(JobRunner& jobs, QObject* parent) : QObject(parent), m_jobs(jobs) {}

void Plugins::load(const QString& file) {
  const QFileInfo info(file);
  // As it is listed once it is loaded.
  const QString whole = info.exists() ? info.canonicalFilePath() : info.absoluteFilePath();
  m_jobs.start<bool>(
      tr("Load %1").arg(info.fileName()), QString(),
      [whole](const JobContext&) -> Result<bool> {
        LATHE_TRY(load_plugins({whole.toStdString()}));
        return true;
      },
      [this, whole](Result<bool> result) {
        if (!result)
          emit failed(result.error());
        else
          emit loadedOne(whole);
      });
}

void Plugins::loadAtStart(std::function<void()> then) {
  const QStringList files = atStart();
  if (files.isEmpty()) return then();
  m_jobs.start<std::vector<Error>>(
      tr("Load operator plugins"), QString(),
      [files](const JobContext&) -> Result<std::vector<Error>> {
        std::vector<Error> errors;
        for (const QString& file : files)
          if (Status loaded = load_plugins({file.toStdString()}); !loaded.ok())
            errors.push_back(std::move(loaded).error());
        return errors;
      },
      [this, then = std::move(then)](Result<std::vector<Error>> result) {
        if (result)
          for (const Error& error : *result) emit failedAtStart(error);
        then();
      });
}

QStringList Plugins::atStart() const {
  return QSettings().value(settingsKey).toStringList();
}

void Plugins::setAtStart(const QString& file, bool wanted) {
  QStringList files = atStart();
  files.removeAll(file);
  if (wanted) files << file;
  QSettings().setValue(settingsKey, files);
}

}  // namespace lathe
