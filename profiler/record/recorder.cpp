// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/recorder.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

namespace lathe {

Recorder::Recorder(size_t expected_slices) {
  events_.reserve(expected_slices);
  memory_.reserve(expected_slices / 4 + 16);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  clock_offset_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() - now_ns();
}

void Recorder::begin_run(int index) {
  runs_.push_back({index, now_ns(), 0});
}

void Recorder::end_run() {
  if (!runs_.empty()) runs_.back().end = now_ns();
}

Recording Recorder::finish() {
  Recording recording;
  recording.clock_offset_ns = clock_offset_ns_;
  recording.events.reserve(events_.size());
  std::unordered_map<const StepInfo*, uint32_t> numbers;
  for (const RawEvent& event : events_) {
    const auto [found, added] =
        numbers.try_emplace(event.step, static_cast<uint32_t>(recording.steps.size()));
    if (added) recording.steps.push_back(*event.step);
    recording.events.push_back({found->second, event.begin, event.end});
  }
  events_.clear();
  recording.memory = std::exchange(memory_, {});
  recording.runs = std::exchange(runs_, {});
  // A run that failed half-way has no end: it lasted as long as its last event.
  for (Recording::Run& run : recording.runs) {
    if (run.end != 0) continue;
    run.end = run.begin;
    if (!recording.events.empty()) run.end = std::max(run.end, recording.events.back().end);
  }
  return recording;
}

}  // namespace lathe
