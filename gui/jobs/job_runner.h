// SPDX-License-Identifier: Apache-2.0
// Long work off the UI thread: progress, cancel, and "the newest request wins".
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QString>
#include <QThreadPool>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/result.h"

namespace lathe {

/// What is known of one job, running or over.
struct JobInfo {
  enum class State { Running, Done, Failed, Cancelled };
  int id = 0;
  QString title;
  QString text;          ///< the newest progress message, or why it failed
  double fraction = -1;  ///< 0..1, -1 where it cannot be told
  State state = State::Running;
  qint64 elapsedMs = 0;  ///< whole time, once it is over
  QElapsedTimer started;
};

/// All methods on the UI thread. Jobs each have a thread; destruction stops them and waits.
class JobRunner : public QObject {
  Q_OBJECT
 public:
  explicit JobRunner(QObject* parent = nullptr);
  ~JobRunner() override;

  /// Runs `work` on a thread of its own and hands its result to `done` on the UI thread. A running job of the
  /// same `slot` (unless empty) is cancelled first, and its `done` is never called. A job without a title is
  /// work behind a view: it is not listed and not logged.
  template <class T>
  int start(const QString& title, const QString& slot, std::function<Result<T>(const JobContext&)> work,
            std::function<void(Result<T>)> done) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    return startErased(
        title, slot,
        [result, work = std::move(work)](const JobContext& job) -> const Error* {
          result->emplace(work(job));
          return (*result)->ok() ? nullptr : &(*result)->error();
        },
        [result, done = std::move(done)] { done(std::move(**result)); });
  }

  void cancel(int id);
  void cancelSlot(const QString& slot);
  bool running(const QString& slot) const;
  bool anyRunning() const;
  /// In order of their start; the oldest finished ones are forgotten beyond a hundred.
  const std::vector<JobInfo>& jobs() const { return m_jobs; }
  const JobInfo* find(int id) const;

 signals:
  void started(int id);
  void changed(int id);  ///< progress, at most some fifty times a second
  void finished(int id);
  /// A message about a part of the job, e.g. a module's state. None is dropped.
  void reported(int id, const lathe::Progress& progress);

 private:
  struct Task;
  int startErased(const QString& title, const QString& slot,
                  std::function<const Error*(const JobContext&)> work, std::function<void()> done);
  void takeProgress(const std::shared_ptr<Task>& task);
  void finish(const std::shared_ptr<Task>& task, bool ok, bool stopped, const QString& error);
  JobInfo* info(int id);

  QThreadPool m_pool;
  std::map<int, std::shared_ptr<Task>> m_tasks;
  std::vector<JobInfo> m_jobs;
  int m_nextId = 1;
};

}  // namespace lathe
