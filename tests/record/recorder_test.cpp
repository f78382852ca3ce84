// SPDX-License-Identifier: Apache-2.0
#include "profiler/record/recorder.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "profiler/record/close_gaps.h"
#include "profiler/record/module_slices.h"
#include "profiler/record/to_trace.h"
#include "profiler/trace/formats.h"

namespace lathe {
namespace {

StepInfo step(StepInfo::Kind kind, const std::string& name, ModuleId module) {
  StepInfo info;
  info.kind = kind;
  info.name = info.node = name;
  info.op_type = "Conv";
  info.nodes = {name};
  info.module = module;
  info.kernel = "reference";
  info.precision = "f32";
  info.input_dims = {{1, 3}, {}};
  info.input_types = {ElementType::f32, ElementType::i64};
  info.flops = 100;
  info.bytes = 50;
  return info;
}

struct TestModel {
  ModuleTree modules;
  ModuleId a, a0, b;
  StepInfo in_a0, in_a, in_b, engine, copy;
  TestModel() {
    a = modules.add("a"), a0 = modules.add("a.0"), b = modules.add("b");
    modules.edit(a).class_name = "Block";
    in_a0 = step(StepInfo::Kind::engine_step, "x", a0);
    in_a = step(StepInfo::Kind::reorder, "y", a);
    in_b = step(StepInfo::Kind::eager_node, "z", b);
    engine = step(StepInfo::Kind::engine, "engine a", a);
    copy = step(StepInfo::Kind::boundary_copy, "input", a);
  }
  Trace trace(int runs) {
    Recorder recorder(16);
    for (int i = 0; i < runs; ++i) {
      recorder.begin_run(i);
      const int64_t t = now_ns();
      recorder.memory(t, 1000 + i);
      recorder.memory(t + 1, 1000 + i);
      recorder.slice(copy, t, t + 10);
      recorder.slice(in_a0, t + 20, t + 50);
      recorder.slice(in_a, t + 50, t + 60);
      recorder.slice(in_a0, t + 60, t + 90);
      recorder.slice(engine, t + 15, t + 90);
      recorder.slice(in_b, t + 95, t + 200);
      while (now_ns() < t + 300) {
      }
      recorder.end_run();
    }
    Result<Trace> made =
        to_trace(recorder.finish(), modules, {"0.1", "model", "cpu", 1, "a cpu", "{\"eager\":true}", {}, ""});
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
  }
};

std::vector<SliceId> of_category(const Trace& trace, std::string_view category) {
  std::vector<SliceId> found;
  for (size_t i = 0; i < trace.slice_count(); ++i)
    if (trace.text(trace.category(SliceId(i))) == category) found.emplace_back(i);
  return found;
}

TEST(ModuleSlices, SpanConsecutiveStepsAndNest) {
  ModuleTree tree;
  const ModuleId a = tree.add("a"), a0 = tree.add("a.0"), b = tree.add("b");
  const std::vector<ModuleSlice> slices =
      module_slices(tree, {{a0, 0, 10}, {a0, 10, 20}, {a, 20, 25}, {b, 30, 40}, {a0, 40, 45}});
  struct Expected {
    ModuleId module;
    int64_t begin, end;
  };
  const std::vector<Expected> expected = {
      {ModuleTree::root(), 0, 45}, {a, 40, 45}, {a0, 40, 45}, {b, 30, 40}, {a, 0, 25}, {a0, 0, 20}};
  ASSERT_EQ(slices.size(), expected.size());
  for (size_t i = 0; i < slices.size(); ++i) {
    EXPECT_EQ(slices[i].module, expected[i].module) << i;
    EXPECT_EQ(slices[i].begin, expected[i].begin) << i;
    EXPECT_EQ(slices[i].end, expected[i].end) << i;
  }
}

TEST(ToTrace, EveryOperatorLiesInItsModule) {
  TestModel setup;
  const Trace trace = setup.trace(3);
  EXPECT_TRUE(trace.info().notes.empty());
  EXPECT_EQ(of_category(trace, "run").size(), 3u);
  EXPECT_EQ(of_category(trace, "engine").size(), 3u);
  EXPECT_EQ(of_category(trace, "op").size(), 12u);
  const std::vector<SliceId> modules = of_category(trace, "module");
  for (const SliceId op : of_category(trace, "op")) {
    bool inside = false;
    for (const SliceId m : modules)
      inside |= trace.arg_text(m, "module") == trace.arg_text(op, "module") &&
                trace.start(m) <= trace.start(op) && trace.end(op) <= trace.end(m);
    EXPECT_TRUE(inside) << trace.text(trace.name(op));
  }
  for (const SliceId m : modules) {
    const SliceId parent = trace.parent(m);
    if (!parent) {
      EXPECT_EQ(trace.arg_text(m, "module"), "");
    }
  }
}

TEST(ToTrace, EnginesEncloseTheirSteps) {
  TestModel setup;
  const Trace trace = setup.trace(2);
  int inside = 0;
  for (const SliceId op : of_category(trace, "op"))
    if (trace.parent(op)) {
      EXPECT_EQ(trace.text(trace.category(trace.parent(op))), "engine");
      ++inside;
    }
  EXPECT_EQ(inside, 6);
}

TEST(ToTrace, ArgumentsAndMetadata) {
  TestModel setup;
  const Trace trace = setup.trace(1);
  const std::vector<SliceId> ops = of_category(trace, "op");
  const SliceId op =
      *std::find_if(ops.begin(), ops.end(), [&](SliceId id) { return trace.text(trace.name(id)) == "x"; });
  EXPECT_EQ(trace.arg_text(op, "op_type"), "Conv");
  EXPECT_EQ(trace.arg_text(op, "nodes"), "[\"x\"]");
  EXPECT_EQ(trace.arg_text(op, "module"), "a.0");
  EXPECT_EQ(trace.arg_text(op, "Input Dims"), "[[1,3],[]]");
  EXPECT_EQ(trace.arg_text(op, "Input type"), "[\"f32\",\"i64\"]");
  EXPECT_EQ(trace.arg(op, "flops")->bits, 100);
  for (const char* key : {"lathe_version", "model", "backend", "threads", "cpu", "configuration"})
    EXPECT_NE(trace.info().find_metadata(key), nullptr) << key;
  EXPECT_EQ(*trace.info().find_metadata("configuration"), "{\"eager\":true}");
  ASSERT_EQ(trace.counters().size(), 1u);
  EXPECT_EQ(trace.counters()[0].values.size(), 1u) << "equal samples are left out";
  EXPECT_EQ(parse_trace(trace_to_json(trace), "t")->info().format, "lathe");
}

TEST(ToTrace, NothingRecordedIsNoError) {
  EXPECT_TRUE(to_trace({}, ModuleTree(), {}).ok());
}

TEST(ToTrace, SameTimesStillNestOutsideIn) {
  TestModel setup;
  Recording recording;
  recording.steps = {setup.in_a0, setup.engine};
  recording.events = {{0, 10, 20}, {1, 10, 20}};
  const Trace trace = std::move(to_trace(recording, setup.modules, {})).value();
  EXPECT_EQ(trace.text(trace.category(trace.parent(of_category(trace, "op")[0]))), "engine");
  for (const SliceId m : of_category(trace, "module"))
    EXPECT_EQ(trace.depth(m) == 0, trace.arg_text(m, "module").empty());
}

TEST(CloseGaps, RunsFollowEachOther) {
  Recording recording;
  recording.runs = {{0, 100, 200}, {1, 500, 650}};
  recording.events = {{0, 110, 190}, {0, 300, 310}, {0, 500, 640}};
  recording.memory = {{120, 7}, {400, 8}, {510, 9}};
  close_gaps(recording);
  ASSERT_EQ(recording.events.size(), 2U) << "what lies between runs is dropped";
  EXPECT_EQ(recording.events[0].begin, 110);
  EXPECT_EQ(recording.events[1].begin, 200);
  EXPECT_EQ(recording.events[1].end, 340);
  EXPECT_EQ(recording.runs[1].begin, 200);
  EXPECT_EQ(recording.runs[1].end, 350);
  ASSERT_EQ(recording.memory.size(), 2U);
  EXPECT_EQ(recording.memory[1].at, 210);
}

}  // namespace
}  // namespace lathe
