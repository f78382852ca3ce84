// SPDX-License-Identifier: Apache-2.0
// Records what runs do, cheaply: one append of 24 bytes a slice.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/runtime/observer.h"

namespace lathe {

/// The events of one or more runs. Times are of the monotonic clock, nanoseconds.
struct Recording {
  struct Event {
    uint32_t step = 0;  ///< index into steps
    int64_t begin = 0, end = 0;
  };
  struct MemorySample {
    int64_t at = 0;
    int64_t bytes = 0;
  };
  struct Run {
    int index = 0;
    int64_t begin = 0, end = 0;
  };
  std::vector<StepInfo> steps;  ///< copies, each kind of step once
  std::vector<Event> events;    ///< as they came: enclosing ones after those inside
  std::vector<MemorySample> memory;
  std::vector<Run> runs;
  int64_t clock_offset_ns = 0;  ///< Unix time minus the monotonic clock
};

/// Keeps pointers to StepInfos: call finish() while what was run still lives. Used on the executor thread;
/// begin_run(), end_run() and finish() on the one that waits for it.
class Recorder : public RunObserver {
 public:
  /// Room for this many slices without growing; beyond, vectors double.
  explicit Recorder(size_t expected_slices = size_t{1} << 16);

  void begin_run(int index);
  void end_run();
  void slice(const StepInfo& step, int64_t begin_ns, int64_t end_ns) override {
    events_.push_back({&step, begin_ns, end_ns});
  }
  void memory(int64_t at_ns, int64_t bytes) override {
    // Only changes: most steps of an engine change nothing.
    if (memory_.empty() || memory_.back().bytes != bytes) memory_.push_back({at_ns, bytes});
  }

  size_t slice_count() const { return events_.size(); }
  /// What was recorded since the last finish(); the recorder starts anew.
  Recording finish();

 private:
  struct RawEvent {
    const StepInfo* step;
    int64_t begin, end;
  };
  std::vector<RawEvent> events_;
  std::vector<Recording::MemorySample> memory_;
  std::vector<Recording::Run> runs_;
  int64_t clock_offset_ns_ = 0;
};

}  // namespace lathe
