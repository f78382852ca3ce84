// SPDX-License-Identifier: Apache-2.0
// Whether other programs want the CPUs that this one computes on, by what the kernel of the system counts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace lathe {

/// How long threads of this process were ready to run but waited for a CPU: run_delay of
/// /proc/self/task/*/schedstat (https://docs.kernel.org/scheduler/sched-stats.html). For one thread at a
/// time.
class RunDelay {
 public:
  RunDelay();
  ~RunDelay();
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;

  /// Nanoseconds, all threads together, since the last call. A thread counts from when it was first seen:
  /// new ones are looked for now and then. Nothing where the system does not count.
  std::optional<int64_t> since_last();

 private:
  struct Thread {
    int file;
    int64_t counted;
  };
  void find_threads();

  std::map<int, Thread> threads_;  ///< by thread id
  int calls_ = 0;
};

/// Decides from one look after the other. One program in the way takes about as much time from this one's
/// threads as passes; what a system does beside takes a hundredth. A short disturbance is no contention, and
/// what went on a moment ago is taken to go on, the longer the oftener it came back.
class ContentionJudge {
 public:
  /// `elapsed` nanoseconds since the last look, `waited` of all threads together. Whether there is
  /// contention.
  bool look(int64_t elapsed, int64_t waited);

 private:
  bool contended_ = false;
  int agreeing_ = 0;  ///< looks in a row that speak against what was decided
  int calm_ = 0;      ///< looks since it ended
  int patience_ = least_patience;

  static constexpr int looks_to_believe = 2, least_patience = 8, most_patience = 64, forgotten = 500;
};

}  // namespace lathe
