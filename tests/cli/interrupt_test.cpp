// SPDX-License-Identifier: Apache-2.0
// Conversions that are interrupted or killed at any moment: a folder is whole or not there, and the next
// conversion starts clean.
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/cli/commands.h"

namespace lathe {
namespace {

using Clock = std::chrono::steady_clock;
using testing::ElementsAre;

class Interrupt : public Commands {
 protected:
  pid_t start_conversion() {
    return start({"convert", digits, "--out", out_.string(), "--data", digits_data, "--limit", "16", "--runs",
                  "3", "--threads", "1"});
  }

  /// Every folder that says it is a conversion's is one, with all its files.
  void expect_whole_or_none() {
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const fs::path& folder = entry.path();
      if (!entry.is_directory()) continue;  // what run() writes itself
      if (folder.filename() == "o") {
        EXPECT_TRUE(fs::exists(folder / "report.json"));
      }
      if (!fs::exists(folder / "report.json")) {
        // An unfinished one is nobody's folder to any command.
        EXPECT_EQ(run({"report", folder.string()}).code, 3) << folder;
        continue;
      }
      for (const char* file : {"report.json", "workflow_report.json", "conversion_report.json", "config.json",
                               "trace.json", "trace_before.json"})
        EXPECT_FALSE(nlohmann::json::parse(std::ifstream(folder / file), nullptr, false).is_discarded())
            << file;
      for (const char* file : {"model.onnx", "engine.onnx", "statistics.csv", "report.html", "lathe.log"})
        EXPECT_TRUE(fs::exists(folder / file)) << folder / file;
      EXPECT_EQ(run({"report", folder.string()}).code, 0) << folder;
    }
  }

  /// Ends five conversions at moments spread over the time of one.
  void interrupt_at_random_moments(int signal, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> moment(0, 1.05);
    const auto begin = Clock::now();
    ASSERT_EQ(finish(start_conversion()).code, 0);
    const std::chrono::duration<double> whole = Clock::now() - begin;
    fs::remove_all(out_);
    for (int i = 0; i < 5; ++i) {
      const pid_t child = start_conversion();
      std::this_thread::sleep_for(whole * moment(random));
      ::kill(child, signal);
      const int code = finish(child).code;
      // Before the program has set its handler, or after it is done, that is what there is to see.
      EXPECT_TRUE(code == 0 || code == 130 || code == -signal) << code;
      expect_whole_or_none();
      if (signal == SIGINT && code != 0) {
        EXPECT_LE(left().size(), 1U) << left().front();
      }
    }
  }

  const fs::path out_ = folder_ / "o";
};

TEST_F(Interrupt, ByTheKeyboardLeavesNothing) {
  interrupt_at_random_moments(SIGINT, 1);
  EXPECT_EQ(finish(start_conversion()).code, 0);
  EXPECT_THAT(left(), ElementsAre("o"));
}

TEST_F(Interrupt, ByForceLeavesNothingThatLooksWhole) {
  interrupt_at_random_moments(SIGKILL, 2);
  // What could not be tidied up is when the next one starts.
  EXPECT_EQ(finish(start_conversion()).code, 0);
  EXPECT_THAT(left(), ElementsAre("o"));
  expect_whole_or_none();
}

TEST_F(Interrupt, ASecondConversionAtTheSameTimeIsLeftAlone) {
  // A folder of a process that lives: this one.
  const fs::path living = folder_ / ("o.part-" + std::to_string(::getpid()));
  fs::create_directory(living);
  // And what only looks like a leftover.
  fs::create_directory(folder_ / "o.part-mine");
  EXPECT_EQ(finish(start_conversion()).code, 0);
  EXPECT_TRUE(fs::exists(living));
  EXPECT_TRUE(fs::exists(folder_ / "o.part-mine"));
}

}  // namespace
}  // namespace lathe
