// SPDX-License-Identifier: Apache-2.0
#include "gui/jobs/job_runner.h"

#include <algorithm>

namespace lathe {

/// Shared by the UI thread and the worker; what both touch is behind the mutex.
struct JobRunner::Task {
  int id = 0;
  QString slot;
  std::unique_ptr<JobContext> context;
  std::function<void()> done;
  bool superseded = false;  ///< UI thread only

  std::mutex mutex;
  Progress newest;
  std::vector<Progress> parts;
  bool posted = false;  ///< a call of takeProgress is on its way
};

JobRunner::JobRunner(QObject* parent) : QObject(parent) {
  m_pool.setMaxThreadCount(16);
}

JobRunner::~JobRunner() {
  for (const auto& [id, task] : m_tasks) task->context->request_stop();
  m_pool.waitForDone();
}

int JobRunner::startErased(const QString& title, const QString& slot,
                           std::function<const Error*(const JobContext&)> work, std::function<void()> done) {
  if (!slot.isEmpty())
    for (const auto& [id, task] : m_tasks)
      if (task->slot == slot) {
        task->superseded = true;
        task->context->request_stop();
      }
  auto task = std::make_shared<Task>();
  task->id = m_nextId++;
  task->slot = slot;
  task->done = std::move(done);
  // The worker outlives neither the runner (its destructor waits) nor the task (it holds a share of it); the
  // sink must not, or the task would own itself.
  task->context =
      std::make_unique<JobContext>([this, weak = std::weak_ptr<Task>(task)](const Progress& progress) {
        const auto task = weak.lock();
        if (!task) return;
        const std::lock_guard lock(task->mutex);
        task->newest = progress;
        if (!progress.state.empty()) task->parts.push_back(progress);
        if (task->posted) return;
        task->posted = true;
        QMetaObject::invokeMethod(
            this, [this, task] { takeProgress(task); }, Qt::QueuedConnection);
      });
  m_tasks[task->id] = task;
  JobInfo& job = m_jobs.emplace_back();
  job.id = task->id;
  job.title = title;
  job.started.start();
  if (m_jobs.size() > 100) {
    const auto over = std::find_if(m_jobs.begin(), m_jobs.end(),
                                   [](const JobInfo& each) { return each.state != JobInfo::State::Running; });
    if (over != m_jobs.end()) m_jobs.erase(over);
  }
  m_pool.start([this, task, work = std::move(work)] {
    const Error* error = work(*task->context);
    const bool stopped = error != nullptr && error->kind == ErrorKind::interrupted;
    const QString text = error != nullptr ? QString::fromStdString(error->text()) : QString();
    QMetaObject::invokeMethod(
        this, [this, task, ok = error == nullptr, stopped, text] { finish(task, ok, stopped, text); },
        Qt::QueuedConnection);
  });
  emit started(task->id);
  return task->id;
}

void JobRunner::takeProgress(const std::shared_ptr<Task>& task) {
  Progress newest;
  std::vector<Progress> parts;
  {
    const std::lock_guard lock(task->mutex);
    newest = task->newest;
    parts.swap(task->parts);
    task->posted = false;
  }
  if (task->superseded) return;
  for (const Progress& part : parts) emit reported(task->id, part);
  JobInfo* job = info(task->id);
  if (job == nullptr || job->state != JobInfo::State::Running) return;
  job->text = QString::fromStdString(newest.text.empty() ? newest.subject + " " + newest.state : newest.text);
  job->fraction = newest.fraction;
  emit changed(task->id);
}

void JobRunner::finish(const std::shared_ptr<Task>& task, bool ok, bool stopped, const QString& error) {
  takeProgress(task);
  m_tasks.erase(task->id);
  if (JobInfo* job = info(task->id)) {
    job->elapsedMs = job->started.elapsed();
    job->state = ok                            ? JobInfo::State::Done
                 : stopped || task->superseded ? JobInfo::State::Cancelled
                                               : JobInfo::State::Failed;
    if (!ok) job->text = stopped ? tr("Cancelled") : error;
  }
  if (!task->superseded) task->done();
  emit finished(task->id);
}

void JobRunner::cancel(int id) {
  if (const auto found = m_tasks.find(id); found != m_tasks.end()) found->second->context->request_stop();
}

void JobRunner::cancelSlot(const QString& slot) {
  for (const auto& [id, task] : m_tasks)
    if (task->slot == slot) task->context->request_stop();
}

bool JobRunner::running(const QString& slot) const {
  return std::any_of(m_tasks.begin(), m_tasks.end(),
                     [&](const auto& each) { return each.second->slot == slot && !each.second->superseded; });
}

bool JobRunner::anyRunning() const {
  return !m_tasks.empty();
}

JobInfo* JobRunner::info(int id) {
  const auto found =
      std::find_if(m_jobs.begin(), m_jobs.end(), [id](const JobInfo& job) { return job.id == id; });
  return found == m_jobs.end() ? nullptr : &*found;
}

const JobInfo* JobRunner::find(int id) const {
  return const_cast<JobRunner*>(this)->info(id);
}

}  // namespace lathe
