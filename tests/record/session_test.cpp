// SPDX-License-Identifier: Apache-2.0
// Timed and recorded runs of one session, on a machine that changes its pace.
#include "profiler/workflow/session.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

namespace lathe {
namespace {

/// A run lasts as long as the list says, then as long as its last entry; recorded ones as the other list
/// says.
class PacedModel final : public Runnable {
 public:
  PacedModel(std::vector<int> timed_ms, std::vector<int> recorded_ms)
      : timed_(std::move(timed_ms)), recorded_(std::move(recorded_ms)) {}
  const Model& model() const override { return model_; }
  Result<NamedValues> run(const NamedValues&, const RunOptions& options) override {
    const bool recorded = options.observer != nullptr;
    const std::vector<int>& pace = recorded ? recorded_ : timed_;
    size_t& count = recorded ? recorded_runs : timed_runs;
    const int milliseconds = pace[std::min(count++, pace.size() - 1)];
    // Busy: a sleep may last longer.
    const int64_t end = now_ns() + int64_t{1'000'000} * milliseconds;
    while (now_ns() < end) {
    }
    return NamedValues();
  }
  size_t timed_runs = 0, recorded_runs = 0;

 private:
  Model model_;
  std::vector<int> timed_, recorded_;
};

Result<Session::Measurement> measure(PacedModel& model, const Session::MeasurePlan& plan) {
  return Session(model, {}, 0).measure(plan, {});
}

TEST(Session, RecordedRunsAreSpreadAmongTimedOnes) {
  PacedModel model({2}, {2});
  const auto measured = measure(model, {.runs = 6, .recorded = 3, .kept = 2});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->timed.size(), 6U);
  EXPECT_EQ(measured->recorded.size(), 3U);
  EXPECT_EQ(measured->ratios.size(), 3U);
  EXPECT_EQ(measured->recording.runs.size(), 2U);
}

TEST(Session, MoreRecordedThanTimedRunsIsFineToo) {
  PacedModel model({1}, {1});
  const auto measured = measure(model, {.runs = 2, .recorded = 5, .kept = 5});
  ASSERT_TRUE(measured.ok());
  EXPECT_EQ(measured->timed.size(), 2U);
  EXPECT_EQ(measured->recorded.size(), 5U);
  EXPECT_EQ(measured->recording.runs.size(), 5U);
}

TEST(Session, GoesOnUntilTheLatencyReportedWasRecorded) {
  PacedModel model({20}, {10, 10, 10, 20});  // the machine was faster whenever a run was recorded
  const auto measured = measure(model, {.runs = 3, .recorded = 3, .kept = 2, .more = 200});
  ASSERT_TRUE(measured.ok());
  EXPECT_GE(model.recorded_runs, 5U);
  EXPECT_LT(model.recorded_runs, 200U) << "a busy machine may take some more";
  EXPECT_EQ(model.timed_runs, 3U) << "as many as were asked for";
  for (const Recording::Run& run : measured->recording.runs)
    EXPECT_GE(run.end - run.begin, 19'000'000) << "the runs kept are those like the latency";
}

TEST(Session, TimedRunsGoOnAsWellWhereNobodySaidHowMany) {
  PacedModel model({20, 20, 20, 10}, {10});  // it was slower at first and stays fast
  const auto measured =
      measure(model, {.runs = 3, .recorded = 3, .kept = 2, .more = 200, .more_timed = true});
  ASSERT_TRUE(measured.ok());
  EXPECT_GT(model.timed_runs, 3U);
  EXPECT_LT(model.timed_runs, 200U);
  EXPECT_TRUE(measured->latency_was_recorded(2));
}

TEST(Session, DoesNotGoOnForEver) {
  PacedModel model({2}, {1});
  ASSERT_TRUE(measure(model, {.runs = 2, .recorded = 2, .kept = 2, .more = 4}).ok());
  EXPECT_EQ(model.recorded_runs, 6U);
}

}  // namespace
}  // namespace lathe
