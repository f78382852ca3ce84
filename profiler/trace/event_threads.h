// SPDX-License-Identifier: Apache-2.0
// Internal to the JSON reader: from the pid and tid of events to processes and lanes.
#pragma once

#include <map>
#include <tuple>

#include "profiler/trace/trace_builder.h"

namespace lathe {

/// pid and tid as a file gives them: numbers, or texts (Kineto's "Spans").
struct ThreadKey {
  int64_t pid = 0, tid = 0;  ///< -1 where there is a text
  StringId pid_text, tid_text;
  bool has_tid = false;  ///< without one the thread is called as its process

  friend auto operator<=>(const ThreadKey&, const ThreadKey&) = default;
};

/// Makes each process and lane when it is first met.
class EventThreads {
 public:
  explicit EventThreads(TraceBuilder& builder) : builder_(builder) {}

  LaneId lane(const ThreadKey& key) {
    if (last_lane_ && key == last_) return last_lane_;
    const auto [found, added] = lanes_.try_emplace(key);
    if (added) {
      TraceLane lane;
      lane.process = process(key);
      lane.tid = key.has_tid ? key.tid : key.pid;
      lane.tid_text = key.has_tid ? key.tid_text : key.pid_text;
      if (lane.tid_text.valid()) lane.name = lane.tid_text;
      found->second = builder_.add_lane(lane);
    }
    last_ = key;
    return last_lane_ = found->second;
  }

  ProcessId process(const ThreadKey& key) {
    const auto [found, added] = processes_.try_emplace({key.pid, key.pid_text});
    if (added) {
      TraceProcess process;
      process.pid = key.pid;
      process.pid_text = key.pid_text;
      if (key.pid_text.valid()) process.name = key.pid_text;
      found->second = builder_.add_process(process);
    }
    return found->second;
  }

  /// Asynchronous events of one category share a lane of their process.
  LaneId async_lane(const ThreadKey& key, StringId category) {
    const ProcessId process = this->process(key);
    const auto [found, added] = async_.try_emplace({process, category});
    if (added) {
      TraceLane lane;
      lane.process = process;
      lane.tid_text = lane.name =
          builder_.string((category.valid() ? std::string(builder_.text(category)) : "") + " (async)");
      found->second = builder_.add_lane(lane);
    }
    return found->second;
  }

 private:
  TraceBuilder& builder_;
  std::map<ThreadKey, LaneId> lanes_;
  std::map<std::pair<int64_t, StringId>, ProcessId> processes_;
  std::map<std::pair<ProcessId, StringId>, LaneId> async_;
  ThreadKey last_;
  LaneId last_lane_;
};

}  // namespace lathe
