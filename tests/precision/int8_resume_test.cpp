// SPDX-License-Identifier: Apache-2.0
// A search that was interrupted goes on where it was, and ends as if it had not been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/files.h"
#include "engine/precision/trial_log.h"
#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

struct Searched {
  Result<Quantized> made;
  size_t scored = 0;  ///< times that the metric was asked for
};

class ResumeTest : public testing::Test {
 protected:
  /// Stops after so many scores; 0: never.
  Searched search(const std::filesystem::path& trials, size_t stop_after, const std::string& judge = "j") {
    size_t scored = 0;
    JobContext job;
    const auto score = closeness(model_, data_.samples[0]);
    Int8Request request;
    request.precision = all_int8();
    request.data = &data_;
    request.score = [&](Runnable& runnable) -> Result<double> {
      if (++scored == stop_after) job.request_stop();
      return score(runnable);
    };
    request.budget = 0.05;
    request.trials = trials;
    request.judge = judge;
    auto made = on_executor([&] { return lower_to_int8(*model_, request, job); });
    return {std::move(made), scored};
  }
  static std::vector<std::string> wide_modules(const Quantized& made) {
    std::vector<std::string> paths;
    for (const ModuleSensitivity& each : made.report.ranking)
      if (each.kept_wide) paths.push_back(made.model->modules[each.module].path);
    return paths;
  }

  const TemporaryFolder folder_;
  std::shared_ptr<const Model> model_ = std::make_shared<const Model>(chain(2000).model);
  CalibrationData data_ = random_data(*model_, 4);
};

TEST_F(ResumeTest, OnlyTheRestIsTriedAndTheAssignmentIsTheSame) {
  const Searched whole = search({}, 0);
  ASSERT_TRUE(whole.made.ok()) << whole.made.error().text();
  ASSERT_GT(whole.scored, 6u);
  const auto file = folder_ / "out.trials";
  const Searched cut = search(file, 4);
  ASSERT_FALSE(cut.made.ok());
  EXPECT_EQ(cut.made.error().kind, ErrorKind::interrupted);
  EXPECT_EQ(cut.scored, 4u);
  const Searched again = search(file, 0);
  ASSERT_TRUE(again.made.ok()) << again.made.error().text();
  EXPECT_EQ(again.scored, whole.scored - 4);
  EXPECT_EQ(wide_modules(*again.made), wide_modules(*whole.made));
  EXPECT_EQ(wide_modules(*again.made), std::vector<std::string>{"b"});
  EXPECT_EQ(*again.made->report.score, *whole.made->report.score);
  EXPECT_EQ(again.made->report.calibrator, whole.made->report.calibrator);
  bool told = false;
  for (const Finding& note : again.made->report.notes) told = told || note.code == "int8_resumed";
  EXPECT_TRUE(told);
  EXPECT_EQ(search(file, 0).scored, 0u) << "a finished search has nothing left to try";
}

TEST_F(ResumeTest, OtherDataOrAnotherJudgeStartsAnew) {
  const auto file = folder_ / "out.trials";
  const size_t all = search(file, 0).scored;
  EXPECT_EQ(search(file, 0, "other").scored, all);
  data_.samples.pop_back();
  EXPECT_GT(search(file, 0).scored, 1u);
}

TEST(TrialLog, KeepsWhatWasFoundUnderItsKeyOnly) {
  const TemporaryFolder folder;
  const auto file = folder / "trials";
  TrialLog log(file, "key");
  EXPECT_FALSE(log.find("a"));
  ASSERT_TRUE(log.add("a", 0.5).ok());
  ASSERT_TRUE(log.add("b", -2).ok());
  const TrialLog same(file, "key"), other(file, "yek");
  EXPECT_EQ(same.find("a"), 0.5);
  EXPECT_EQ(same.find("b"), -2);
  EXPECT_EQ(same.found(), 2u);
  EXPECT_EQ(other.found(), 0u);
  const std::string text = read_file(file).value();
  for (size_t size = 0; size < text.size(); ++size) {
    ASSERT_TRUE(write_file_atomic(file, text.substr(0, size)).ok());
    const TrialLog damaged(file, "key");
    EXPECT_TRUE(!damaged.find("a") || damaged.find("a") == 0.5) << size;
    EXPECT_LT(damaged.found(), 2u) << size;
  }
}

}  // namespace
}  // namespace lathe
