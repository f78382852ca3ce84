// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/close_gaps.h"

#include <algorithm>
#include <optional>

namespace lathe {
namespace {

/// How far each run moves towards the first.
class Shifts {
 public:
  explicit Shifts(const std::vector<Recording::Run>& runs) : runs_(runs) {
    int64_t end = runs.empty() ? 0 : runs.front().begin;
    for (const Recording::Run& run : runs) {
      shifts_.push_back(run.begin - end);
      end += run.end - run.begin;
    }
  }
  /// Of the run that was on at that time; nothing between runs.
  std::optional<int64_t> at(int64_t time) const {
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), time,
                                        [](int64_t t, const Recording::Run& run) { return t < run.begin; });
    if (after == runs_.begin() || time > std::prev(after)->end) return std::nullopt;
    return shifts_[static_cast<size_t>(std::prev(after) - runs_.begin())];
  }
  int64_t of(size_t run) const { return shifts_[run]; }

 private:
  const std::vector<Recording::Run>& runs_;
  std::vector<int64_t> shifts_;
};

}  // namespace

void close_gaps(Recording& recording) {
  const Shifts shifts(recording.runs);
  std::erase_if(recording.events, [&](const auto& event) { return !shifts.at(event.begin); });
  for (Recording::Event& event : recording.events) {
    const int64_t shift = *shifts.at(event.begin);
    event.begin -= shift;
    event.end -= shift;
  }
  std::erase_if(recording.memory, [&](const auto& sample) { return !shifts.at(sample.at); });
  for (Recording::MemorySample& sample : recording.memory) sample.at -= *shifts.at(sample.at);
  std::vector<int64_t> moves;
  for (size_t i = 0; i < recording.runs.size(); ++i) moves.push_back(shifts.of(i));
  for (size_t i = 0; i < recording.runs.size(); ++i) {
    recording.runs[i].begin -= moves[i];
    recording.runs[i].end -= moves[i];
  }
}

}  // namespace lathe
