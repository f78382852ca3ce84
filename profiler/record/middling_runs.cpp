// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/middling_runs.h"

#include <algorithm>

namespace lathe {
namespace {

using MemorySamples = std::vector<Recording::MemorySample>;

/// Samples tell changes only: a run that is to stand for itself begins with what was in force before it.
void begin_with_a_sample(MemorySamples& samples, int64_t begin) {
  const auto after = std::upper_bound(samples.begin(), samples.end(), begin,
                                      [](int64_t t, const auto& sample) { return t < sample.at; });
  if (after == samples.begin() || std::prev(after)->at == begin) return;
  samples.insert(after, {begin, std::prev(after)->bytes});
}

}  // namespace

void keep_middling_runs(Recording& recording, size_t count) {
  std::vector<Recording::Run>& runs = recording.runs;
  if (runs.size() <= count) return;
  std::stable_sort(runs.begin(), runs.end(), [](const Recording::Run& a, const Recording::Run& b) {
    return a.end - a.begin < b.end - b.begin;
  });
  const auto faster = static_cast<std::ptrdiff_t>((runs.size() - count) / 2);
  runs.erase(runs.begin(), runs.begin() + faster);
  runs.resize(count);
  std::sort(runs.begin(), runs.end(),
            [](const Recording::Run& a, const Recording::Run& b) { return a.begin < b.begin; });
  for (size_t i = 0; i < runs.size(); ++i) {
    runs[i].index = static_cast<int>(i);
    begin_with_a_sample(recording.memory, runs[i].begin);
  }
}

}  // namespace lathe
