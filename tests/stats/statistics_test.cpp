// SPDX-License-Identifier: Apache-2.0
#include "profiler/stats/statistics.h"

#include <gtest/gtest.h>

#include "profiler/stats/balance.h"
#include "profiler/trace/trace_builder.h"

namespace lathe {
namespace {

/// Two runs: copy 10, engine of 100 with steps 30 and 50 (module a.0 and a), eager 40 (module b), runtime 70
/// around it.
Trace two_runs() {
  TraceBuilder b;
  const ProcessId p = b.add_process({});
  TraceLane lane;
  lane.process = p;
  const LaneId modules = b.add_lane(lane), operators = b.add_lane(lane), runtime = b.add_lane(lane);
  const auto text = [&](const char* key, const char* value) {
    return Arg::string(b.string(key), b.string(value));
  };
  const auto op = [&](int64_t at, int64_t duration, const char* type, const char* module, bool in_engine) {
    const std::vector<Arg> args = {text("op_type", type),
                                   text("node", type),
                                   text("module", module),
                                   text("kernel", "k"),
                                   Arg::integer(b.string("flops"), 1000),
                                   Arg::integer(b.string("bytes"), 10),
                                   Arg::boolean(b.string("in_engine"), in_engine)};
    b.add_slice(operators, at, duration, b.string(type), b.string("op"), b.args(args));
  };
  const auto module = [&](int64_t at, int64_t duration, const char* path, const char* class_name) {
    const std::vector<Arg> args = {text("module", path), text("class", class_name)};
    b.add_slice(modules, at, duration, b.string(path), b.string("module"), b.args(args));
  };
  for (const int64_t t : {0, 1000}) {
    b.add_slice(runtime, t, 300, b.string("run"), b.string("run"), b.args({}));
    b.add_slice(runtime, t, 10, b.string("boundary copy"), b.string("runtime"), b.args({}));
    b.add_slice(operators, t + 10, 100, b.string("engine"), b.string("engine"), b.args({}));
    op(t + 20, 30, "Conv", "a.0", true);
    op(t + 50, 50, "Gemm", "a", true);
    b.add_slice(runtime, t + 110, 70, b.string("plan"), b.string("runtime"), b.args({}));
    op(t + 120, 40, "Conv", "b", false);
    module(t, 160, "", "Net");
    module(t + 10, 100, "a", "Block");
    module(t + 20, 30, "a.0", "Block");
    module(t + 120, 40, "b", "Other");
  }
  return std::move(b.build()).value();
}

TEST(TimeBalance, PartsAndRemainderAddUp) {
  const TimeBalance balance = time_balance(two_runs(), 290);
  EXPECT_EQ(balance.runs, 2);
  EXPECT_EQ(balance.find(balance_part::engine_steps)->ns, 80);
  EXPECT_EQ(balance.find(balance_part::eager_operators)->ns, 40);
  EXPECT_EQ(balance.find(balance_part::boundary_copies)->ns, 10);
  EXPECT_EQ(balance.find(balance_part::runtime)->ns, 30) << "without the operator inside";
  EXPECT_EQ(balance.find(balance_part::engine_steps)->slices, 4u);
  EXPECT_EQ(balance.unexplained_ns(), 290 - 160);
  EXPECT_DOUBLE_EQ(balance.explained_ns() + balance.unexplained_ns(), balance.latency_ns);
}

TEST(TimeBalance, FasterThanRecordedGivesANegativeRemainder) {
  EXPECT_EQ(time_balance(two_runs(), 100).unexplained_ns(), -60);
}

TEST(TimeBalance, DisturbedRunsAreLeftOut) {
  TraceBuilder b;
  TraceLane lane;
  lane.process = b.add_process({});
  const LaneId operators = b.add_lane(lane), runtime = b.add_lane(lane);
  const std::vector<Arg> args = {Arg::boolean(b.string("in_engine"), true)};
  int64_t at = 0;
  for (const int64_t duration : {90, 5000, 100, 10}) {
    b.add_slice(runtime, at, duration, b.string("run"), b.string("run"), b.args({}));
    b.add_slice(operators, at, duration, b.string("Conv"), b.string("op"), b.args(args));
    at += 10000;
  }
  const TimeBalance balance = time_balance(std::move(b.build()).value(), 96);
  EXPECT_EQ(balance.runs, 2);
  EXPECT_EQ(balance.find(balance_part::engine_steps)->ns, 95);
  EXPECT_EQ(balance.unexplained_ns(), 1);
}

TEST(Statistics, OperatorTable) {
  const Statistics s = statistics(two_runs());
  EXPECT_EQ(s.runs, 2);
  EXPECT_EQ(s.op_ns, 240);
  ASSERT_EQ(s.operators.size(), 2u);
  EXPECT_EQ(s.operators[0].name, "Conv");
  EXPECT_EQ(s.operators[0].self_ns, 140);
  EXPECT_EQ(s.operators[0].calls, 4);
  EXPECT_EQ(s.operators[0].flops, 4000);
  EXPECT_DOUBLE_EQ(s.operators[0].percent + s.operators[1].percent, 100);
  EXPECT_EQ(s.kernels.size(), 1u);
}

TEST(Statistics, ModuleAndClassTables) {
  const Statistics s = statistics(two_runs());
  ASSERT_NE(s.module("a"), nullptr);
  EXPECT_EQ(s.module("a")->class_name, "Block");
  EXPECT_EQ(s.module("a")->self_ns, 100);
  EXPECT_EQ(s.module("a")->total_ns, 200);
  EXPECT_EQ(s.module("a")->op_total_ns, 160);
  EXPECT_EQ(s.module("a")->calls, 2);
  EXPECT_EQ(s.module("")->op_total_ns, 240);
  EXPECT_EQ(s.module("")->total_ns, 320);
  EXPECT_EQ(s.module("nothing"), nullptr);
  ASSERT_EQ(s.classes[0].name, "Block");
  EXPECT_EQ(s.classes[0].total_ns, 200) << "a Block inside a Block counts once";
  EXPECT_EQ(s.classes[0].self_ns, 160);
  EXPECT_EQ(s.classes[0].calls, 4);
}

TEST(Statistics, OfASelectedRange) {
  const Trace trace = two_runs();
  const std::vector<StatisticsEntry> rows = range_statistics(trace, {30, 60}, {LaneId(size_t{1})});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name, "Conv");
  EXPECT_EQ(rows[0].self_ns, 20);
  EXPECT_EQ(rows[1].name, "Gemm");
  EXPECT_EQ(rows[1].self_ns, 10);
  EXPECT_EQ(rows[2].total_ns, 30);
  EXPECT_EQ(rows[2].self_ns, 0);
}

}  // namespace
}  // namespace lathe
