// SPDX-License-Identifier: Apache-2.0
// Other programs in the way: what the system counts of it, what is made of that, and what comes of it.
#include "engine/runtime/contention.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <omp.h>
#include <thread>
#include <time.h>
#include <vector>

#include "engine/kernels/kernel.h"
#include "engine/kernels/surplus_threads.h"
#include "engine/runtime/contention_watch.h"
#include "engine/runtime/executor_thread.h"

namespace lathe {
namespace {

constexpr int64_t look = 20'000'000;  // ns

bool after_looks(ContentionJudge& judge, int looks, double share) {
  bool contended = false;
  for (int i = 0; i < looks; ++i) contended = judge.look(look, static_cast<int64_t>(share * look));
  return contended;
}

TEST(ContentionJudge, AShortDisturbanceIsNone) {
  ContentionJudge judge;
  EXPECT_FALSE(after_looks(judge, 10, 0.02));
  EXPECT_FALSE(after_looks(judge, 1, 0.9));
  EXPECT_FALSE(after_looks(judge, 1, 0.02));
  EXPECT_FALSE(after_looks(judge, 1, 0.9));
  EXPECT_TRUE(after_looks(judge, 1, 0.9));
}

TEST(ContentionJudge, EndsAfterALongerCalmAndLaterEachTimeItComesBack) {
  ContentionJudge judge;
  int last = 0;
  for (int times = 0; times < 3; ++times) {
    EXPECT_TRUE(after_looks(judge, 2, 0.6));
    EXPECT_TRUE(after_looks(judge, 100, 0.15)) << "neither calm nor as before";
    int calm = 1;
    while (judge.look(look, 0)) ++calm;
    EXPECT_GT(calm, last);
    last = calm;
  }
  EXPECT_FALSE(after_looks(judge, 1000, 0));
  EXPECT_TRUE(after_looks(judge, 2, 0.6));
  EXPECT_FALSE(after_looks(judge, last / 2, 0)) << "what was long ago is forgotten";
}

/// Threads that take every CPU of the machine, and one more.
class Hogs {
 public:
  Hogs() {
    for (unsigned i = 0; i <= std::thread::hardware_concurrency(); ++i)
      threads_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) std::atomic_signal_fence(std::memory_order_seq_cst);
      });
  }

 private:
  std::vector<std::jthread> threads_;
};

bool counts_delays() {
  std::ifstream counted("/proc/self/schedstat");
  int64_t time = 0, delay = -1;
  return counted >> time >> delay && delay >= 0;
}

TEST(RunDelay, GrowsWhereMoreThreadsWantToRunThanCan) {
  if (!counts_delays()) GTEST_SKIP() << "this system does not count how long threads wait for a CPU";
  const Hogs hogs;
  RunDelay delay;
  ASSERT_TRUE(delay.since_last().has_value());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto waited = delay.since_last();
  ASSERT_TRUE(waited.has_value());
  EXPECT_GT(*waited, 50'000'000);  // one thread too many waits all the time
}

TEST(ContentionWatch, SeesOthersWhileThereIsWork) {
  if (!counts_delays()) GTEST_SKIP() << "this system does not count how long threads wait for a CPU";
  on_executor([] {
    set_kernel_threads(2);
    return 0;
  });
  ContentionWatch watch;
  EXPECT_FALSE(watch.contended());
  watch.work_begins();
  bool seen = false;
  const Hogs hogs;
  for (int i = 0; i < 500 && !seen; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    seen = watch.contended();
  }
  EXPECT_TRUE(seen);
  watch.work_ends();
  bool forgotten = false;  // it sleeps then, and knows nothing
  for (int i = 0; i < 500 && !forgotten; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    forgotten = !watch.contended();
  }
  EXPECT_TRUE(forgotten);
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

#ifndef __clang__  // its OpenMP waits as it likes
TEST(SurplusThreads, LetWaitingThreadsSleep) {
  const auto waiting = [] {  // of thread 0 for thread 1
    const double before = cpu_seconds();
    for (int i = 0; i < 20; ++i) {
#pragma omp parallel num_threads(2)
      if (omp_get_thread_num() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
    return cpu_seconds() - before;
  };
  const auto most = [&] { return std::max({waiting(), waiting(), waiting()}); };
  const auto least = [&] { return std::min({waiting(), waiting(), waiting()}); };
  const double spinning = most();
  double sleeping = 0;
  {
    const SurplusThreads surplus;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // until they are there
    sleeping = least();
  }
  EXPECT_LT(sleeping, 0.5 * spinning);
  EXPECT_GT(most(), 2 * sleeping) << "they are gone";
}
#endif

}  // namespace
}  // namespace lathe
