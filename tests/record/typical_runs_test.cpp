// SPDX-License-Identifier: Apache-2.0
// Of several recorded runs those of typical duration are kept, whole.
#include "profiler/record/typical_runs.h"

#include <gtest/gtest.h>

#include "profiler/record/close_gaps.h"

namespace lathe {
namespace {

/// Runs of these durations, 1000 apart, with one event each and a memory sample in the first.
Recording recorded(const std::vector<int64_t>& durations) {
  Recording made;
  for (size_t i = 0; i < durations.size(); ++i) {
    const auto begin = static_cast<int64_t>(1000 * i);
    made.runs.push_back({static_cast<int>(i), begin, begin + durations[i]});
    made.events.push_back({static_cast<uint32_t>(i), begin + 1, begin + durations[i] - 1});
  }
  made.memory.push_back({5, 4096});
  return made;
}

TEST(TypicalRuns, TheSlowestAndTheFastestGo) {
  Recording recording = recorded({900, 100, 110, 20, 105});
  keep_typical_runs(recording, 3, 105);
  close_gaps(recording);
  ASSERT_EQ(recording.runs.size(), 3U);
  ASSERT_EQ(recording.events.size(), 3U);
  EXPECT_EQ(recording.events[0].step, 1U);
  EXPECT_EQ(recording.events[1].step, 2U);
  EXPECT_EQ(recording.events[2].step, 4U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(recording.runs[i].index, static_cast<int>(i));
  EXPECT_EQ(recording.runs[1].begin, recording.runs[0].end);
}

TEST(TypicalRuns, TypicalIsWhatIsSaidAndNotWhatMostRunsTook) {
  Recording recording = recorded({300, 310, 320, 100, 104, 330});
  keep_typical_runs(recording, 2, 101);
  ASSERT_EQ(recording.runs.size(), 2U);
  EXPECT_EQ(recording.runs[0].begin, 3000);
  EXPECT_EQ(recording.runs[1].begin, 4000);
}

TEST(TypicalRuns, KnowTheMemoryInForceWhenTheyBegin) {
  Recording recording = recorded({900, 100, 110, 20, 105});
  keep_typical_runs(recording, 3, 105);
  close_gaps(recording);
  ASSERT_EQ(recording.memory.size(), 3U);
  EXPECT_EQ(recording.memory[0].at, recording.runs[0].begin);
  EXPECT_EQ(recording.memory[0].bytes, 4096);
}

TEST(TypicalRuns, AsManyAsThereAreStay) {
  Recording recording = recorded({30, 10});
  keep_typical_runs(recording, 3, 105);
  EXPECT_EQ(recording.runs.size(), 2U);
  EXPECT_EQ(recording.runs[0].begin, 0);
  EXPECT_EQ(recording.memory.size(), 1U);
}

}  // namespace
}  // namespace lathe
