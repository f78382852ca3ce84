// SPDX-License-Identifier: Apache-2.0
// Looks after the executor while it works: where other programs take its CPUs, threads that wait for each
// other sleep instead of spinning (SurplusThreads).
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace lathe {

/// A thread of its own that looks fifty times a second while there is work on more than one thread, and
/// sleeps otherwise. All members may be called from any thread.
class ContentionWatch {
 public:
  ContentionWatch();
  ~ContentionWatch();

  /// Around everything the executor does. Cheap: a watch that is awake is not spoken to.
  void work_begins();
  void work_ends() { working_ = false; }
  /// Whether other programs are in the way now.
  bool contended() const { return contended_; }

 private:
  void loop(const std::stop_token& stop);
  void watch(const std::stop_token& stop);
  bool falls_asleep();

  std::atomic<bool> working_{false}, asleep_{true}, contended_{false};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace lathe
