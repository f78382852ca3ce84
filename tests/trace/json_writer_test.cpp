// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "profiler/trace/formats.h"
#include "profiler/trace/trace_builder.h"

namespace lathe {
namespace {

Trace small_trace() {
  TraceBuilder b;
  b.info.base_time_ns = 1000;
  b.info.trace_name = "small";
  b.info.metadata = {{"model", "\"m\""}};
  TraceProcess process;
  process.name = b.string("p");
  process.pid_text = b.string("text pid");
  const ProcessId p = b.add_process(process);
  TraceLane lane;
  lane.process = p;
  lane.name = b.string("l");
  lane.tid = 3;
  const LaneId l = b.add_lane(lane);
  const std::vector<Arg> args = {
      Arg::string(b.string("k"), b.string("v\n\"\\\x01\xff")), Arg::json(b.string("d"), b.string("[[1,2]]")),
      Arg::integer(b.string("i"), -4), Arg::real(b.string("r"), 0.5), Arg::boolean(b.string("b"), true)};
  b.add_slice(l, 1500, 2001, b.string("caf\xc3\xa9"), b.string("op"), b.args(args));
  b.add_slice(l, 1600, 7, b.string(""), StringId(), b.args({}));
  b.add_counter(p, b.string("memory"), b.string("bytes"), 1500, 4096);
  b.add_flow({1600, 9, b.string("f"), b.string("f"), l, {}, FlowKind::start});
  b.add_flow({3501, 9, b.string("f"), b.string("f"), l, {}, FlowKind::end});
  b.add_flow({9999, 8, b.string("f"), b.string("f"), l, {}, FlowKind::start});
  return std::move(b.build()).value();
}

TEST(JsonWriter, Golden) {
  const std::string expected = R"json({
  "schemaVersion": 1,
  "deviceProperties": [],
  "displayTimeUnit": "ms",
  "baseTimeNanoseconds": 1000,
  "metadata": {
    "model": "m"
  },
  "traceEvents": [
  {"ph": "M", "name": "process_name", "pid": 1000000, "tid": 0, "ts": 0.000, "args": {"name": "p"}},
  {"ph": "M", "name": "process_sort_index", "pid": 1000000, "tid": 0, "ts": 0.000, "args": {"sort_index": 0}},
  {"ph": "M", "name": "thread_name", "pid": 1000000, "tid": 3, "ts": 0.000, "args": {"name": "l"}},
  {"ph": "M", "name": "thread_sort_index", "pid": 1000000, "tid": 3, "ts": 0.000, "args": {"sort_index": 0}},
  {"ph": "X", "cat": "op", "name": "café", "pid": 1000000, "tid": 3, "ts": 1.500, "dur": 2.001, "args": {"k": "v\n\"\\\u0001�", "d": [[1,2]], "i": -4, "r": 0.5, "b": true}},
  {"ph": "X", "name": "(unnamed)", "pid": 1000000, "tid": 3, "ts": 1.600, "dur": 0.007},
  {"ph": "s", "id": 1, "pid": 1000000, "tid": 3, "ts": 1.600, "cat": "f", "name": "f"},
  {"ph": "f", "id": 1, "pid": 1000000, "tid": 3, "ts": 3.501, "cat": "f", "name": "f", "bp": "e"},
  {"ph": "C", "name": "memory", "pid": 1000000, "tid": 0, "ts": 1.500, "args": {"bytes": 4096}}
  ],
  "traceName": "small"
}
)json";
  EXPECT_EQ(trace_to_json(small_trace()), expected);
}

TEST(JsonWriter, RoundTripIsStable) {
  const std::string text = trace_to_json(small_trace());
  Result<Trace> back = parse_trace(text, "back");
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(trace_to_json(*back), text);
}

TEST(JsonWriter, NegativeTimesMoveToZero) {
  TraceBuilder b;
  b.info.base_time_ns = 500;
  TraceLane lane;
  lane.process = b.add_process({});
  b.add_slice(b.add_lane(lane), -200, 100, b.string("a"), b.string("c"), b.args({}));
  const std::string text = trace_to_json(*b.build());
  EXPECT_NE(text.find("\"ts\": 0.000, \"dur\": 0.100"), std::string::npos) << text;
  EXPECT_NE(text.find("\"baseTimeNanoseconds\": 300"), std::string::npos);
}

TEST(JsonWriter, FailureNamesTheFile) {
  const Status status = write_trace(small_trace(), "/nonexistent/folder/t.json");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().text().find("/nonexistent/folder/t.json"), std::string::npos);
}

TEST(Merge, KeepsProcessesApart) {
  const Trace a = small_trace(), b = small_trace();
  const std::vector<MergeSource> sources = {{&a, "first"}, {&b, "second"}};
  Result<Trace> merged = merge_traces(sources, MergeAlign::starts);
  ASSERT_TRUE(merged.ok()) << merged.error().text();
  EXPECT_EQ(merged->slice_count(), 4u);
  EXPECT_EQ(merged->begin_time(), 0);
  EXPECT_EQ(merged->text(merged->processes()[1].name), "second: p");
  Result<Trace> back = parse_trace(trace_to_json(*merged), "merged");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->processes().size(), 2u);
  EXPECT_EQ(back->flows().size(), 4u);
  EXPECT_NE(back->flows()[0].id, back->flows()[1].id);
}

}  // namespace
}  // namespace lathe
