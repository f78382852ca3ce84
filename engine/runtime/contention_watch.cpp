// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/contention_watch.h"

#include <chrono>
#include <optional>
#include <utility>

#include "engine/kernels/kernel.h"
#include "engine/kernels/surplus_threads.h"
#include "engine/runtime/contention.h"
#include "engine/runtime/observer.h"

namespace lathe {
namespace {

constexpr auto between_looks = std::chrono::milliseconds(20);
constexpr int looks_without_work = 25;

}  // namespace

ContentionWatch::ContentionWatch() : thread_([this](const std::stop_token& stop) { loop(stop); }) {}
ContentionWatch::~ContentionWatch() = default;

void ContentionWatch::work_begins() {
  working_ = true;
  if (!asleep_) return;
  {
    const std::lock_guard lock(mutex_);
    asleep_ = false;
  }
  wake_.notify_one();
}

void ContentionWatch::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !asleep_; })) return;
    }
    watch(stop);
    contended_ = false;
  }
}

/// Not while work has begun again.
bool ContentionWatch::falls_asleep() {
  const std::lock_guard lock(mutex_);
  asleep_ = true;
  if (working_) asleep_ = false;
  return asleep_;
}

/// Until there was no work for a while.
void ContentionWatch::watch(const std::stop_token& stop) {
  RunDelay delay;
  ContentionJudge judge;
  std::optional<SurplusThreads> surplus;
  int64_t last = now_ns();
  for (int idle = 0; idle < looks_without_work || !falls_asleep(); idle = working_ ? 0 : idle + 1) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, between_looks, [] { return false; });
    }
    if (stop.stop_requested()) return;
    const auto waited = delay.since_last();
    const int64_t now = now_ns(), elapsed = now - std::exchange(last, now);
    if (!waited || threads_in_use() < 2) continue;
    contended_ = judge.look(elapsed, *waited);
    if (contended_ && !surplus) surplus.emplace();
    if (!contended_) surplus.reset();
  }
}

}  // namespace lathe
