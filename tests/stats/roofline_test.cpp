// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/roofline.h"

#include <gtest/gtest.h>

#include "profiler/trace/trace_builder.h"

namespace lathe {
namespace {

/// 100 GFLOP/s in f32 and 400 in i8; 200 GB/s within 1 KB, 10 GB/s beyond.
MachinePeak round_numbers() {
  MachinePeak peak;
  peak.threads = 2;
  peak.flops_per_second = {{"f32", 100e9}, {"i8", 400e9}};
  peak.bandwidths = {{1024, 200e9}, {1 << 20, 10e9}};
  return peak;
}

struct Step {
  const char* node;
  int64_t ns;
  int64_t flops, bytes;
  const char* precision = "f32";
};

Trace recording(const std::vector<Step>& steps, const MachinePeak* peak = nullptr) {
  TraceBuilder b;
  TraceLane lane;
  lane.process = b.add_process({});
  const LaneId operators = b.add_lane(lane);
  int64_t at = 0;
  for (const Step& step : steps) {
    const auto text = [&](const char* key, const char* value) {
      return Arg::string(b.string(key), b.string(value));
    };
    const std::vector<Arg> args = {
        text("op_type", "Op"), text("node", step.node), text("precision", step.precision),
        Arg::integer(b.string("flops"), step.flops), Arg::integer(b.string("bytes"), step.bytes)};
    b.add_slice(operators, at, step.ns, b.string(step.node), b.string("op"), b.args(args));
    at += step.ns;
  }
  if (peak != nullptr) b.info.metadata.emplace_back(machine_peak_key, to_json(*peak));
  return std::move(b.build()).value();
}

TEST(MachinePeak, TakesTheCeilingThatFits) {
  const MachinePeak peak = round_numbers();
  EXPECT_EQ(peak.flops_at("i8"), 400e9);
  EXPECT_EQ(peak.flops_at("f16"), 100e9) << "computed in f32";
  EXPECT_EQ(peak.bandwidth_at(1024), 200e9);
  EXPECT_EQ(peak.bandwidth_at(1025), 10e9);
  EXPECT_EQ(peak.bandwidth_at(1e9), 10e9) << "beyond what was measured";
  EXPECT_DOUBLE_EQ(peak.least_ns(1000, 100, "f32"), 10) << "1000 FLOP at 100 a nanosecond";
  EXPECT_DOUBLE_EQ(peak.least_ns(1000, 10'000, "f32"), 1000) << "10000 bytes at 10 a nanosecond";
  EXPECT_EQ(MachinePeak().least_ns(1000, 100, "f32"), 0) << "nothing known";
}

TEST(MachinePeak, ComesBackFromMetadata) {
  const MachinePeak peak = round_numbers();
  const auto back = machine_peak(recording({}, &peak));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->threads, 2);
  EXPECT_EQ(back->flops_per_second, peak.flops_per_second);
  ASSERT_EQ(back->bandwidths.size(), 2u);
  EXPECT_EQ(back->bandwidths[0].working_set, 1024);
  EXPECT_EQ(machine_peak(recording({})), std::nullopt);
  for (const char* damaged :
       {"", "7", "{}", "{\"threads\":1}", "{\"threads\":\"x\",\"flops_per_second\":{}}"})
    EXPECT_FALSE(parse_machine_peak(damaged).has_value()) << damaged;
}

TEST(Roofline, MostLostComesFirst) {
  // Two runs. good: 10 of 10 ns. slow: 10 of 100 ns. moved: 1000 of 1100 ns. winograd: faster than its
  // definition.
  const std::vector<Step> run = {{"good", 10, 1000, 100},
                                 {"slow", 100, 1000, 100},
                                 {"moved", 1100, 1000, 10'000},
                                 {"winograd", 5, 1000, 100}};
  std::vector<Step> both = run;
  both.insert(both.end(), run.begin(), run.end());
  const auto steps = roofline(recording(both), round_numbers(), 2);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[0].node, "moved");
  EXPECT_TRUE(steps[0].memory_bound);
  EXPECT_DOUBLE_EQ(steps[0].lost_ns(), 100);
  EXPECT_EQ(steps[1].node, "slow");
  EXPECT_FALSE(steps[1].memory_bound);
  EXPECT_DOUBLE_EQ(steps[1].share(), 0.1);
  EXPECT_DOUBLE_EQ(steps[1].ns, 100) << "of one run";
  EXPECT_DOUBLE_EQ(steps[1].flops_per_second(), 10e9);
  EXPECT_EQ(steps[2].lost_ns() + steps[3].lost_ns(), 0);
  EXPECT_DOUBLE_EQ(steps[3].share(), 2);
}

}  // namespace
}  // namespace lathe
