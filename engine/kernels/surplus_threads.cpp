// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/surplus_threads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <omp.h>

#include "engine/kernels/kernel.h"

namespace lathe {
namespace {

/// Together with the team of the executor one more than there are CPUs.
int team_size() {
  constexpr int smallest_team = 2;
  return std::max(smallest_team, omp_get_num_procs() - threads_in_use() + 2);
}

void hold_team(const std::stop_token& stop, int size) {
#pragma omp parallel num_threads(size)
  {
#pragma omp barrier  // a region that does nothing would be left out
  }                  // The team lives as long as the thread that made it.
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
}

}  // namespace

SurplusThreads::SurplusThreads() : master_(hold_team, team_size()) {}
SurplusThreads::~SurplusThreads() = default;

}  // namespace lathe
