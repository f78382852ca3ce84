// SPDX-License-Identifier: Apache-2.0
// Long work reports progress to, and is stopped through, a JobContext that its caller owns.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "engine/base/result.h"

namespace lathe {

/// One progress message. `subject` and `state` say which part changed how, e.g. a module path and "success".
struct Progress {
  double fraction = -1;  ///< 0..1 of the whole job, or -1 where it cannot be told
  std::string text;      ///< for a person
  std::string subject;   ///< e.g. module path; only meaningful with `state`
  std::string state;     ///< e.g. "trying", "success", "failed"; empty for plain progress
};

/// Thread-safe: one thread works and reports, any other may request the stop.
class JobContext {
 public:
  using Sink = std::function<void(const Progress&)>;

  JobContext() = default;
  /// `sink` is called on the working thread.
  explicit JobContext(Sink sink) : sink_(std::move(sink)) {}
  JobContext(const JobContext&) = delete;
  JobContext& operator=(const JobContext&) = delete;

  void request_stop() { stop_.store(true, std::memory_order_relaxed); }
  bool stop_requested() const { return stop_.load(std::memory_order_relaxed); }
  /// An `interrupted` error once a stop was requested: `LATHE_TRY(job.check())` in long loops.
  Status check() const { return stop_requested() ? Status(interrupted()) : Status(); }

  void report(const Progress& progress) const {
    if (sink_) sink_(progress);
  }
  void report(double fraction, std::string text) const {
    report(Progress{fraction, std::move(text), {}, {}});
  }

 private:
  std::atomic<bool> stop_{false};
  Sink sink_;
};

}  // namespace lathe
