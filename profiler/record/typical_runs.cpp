// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/typical_runs.h"

#include <algorithm>
#include <cmath>

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

void keep_typical_runs(Recording& recording, size_t count, double typical_ns) {
  std::vector<Recording::Run>& runs = recording.runs;
  if (runs.size() <= count) return;
  const auto away = [&](const Recording::Run& run) {
    return std::abs(static_cast<double>(run.end - run.begin) - typical_ns);
  };
  std::stable_sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return away(a) < away(b); });
  runs.resize(count);
  std::sort(runs.begin(), runs.end(),
            [](const Recording::Run& a, const Recording::Run& b) { return a.begin < b.begin; });
  for (size_t i = 0; i < runs.size(); ++i) {
    runs[i].index = static_cast<int>(i);
    begin_with_a_sample(recording.memory, runs[i].begin);
  }
}

}  // namespace lathe
