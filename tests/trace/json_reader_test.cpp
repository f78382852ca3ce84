// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "profiler/trace/formats.h"
#include "profiler/trace/json_scanner.h"

namespace lathe {
namespace {

Trace parse(const std::string& text) {
  Result<Trace> trace = parse_trace(text, "t.json");
  EXPECT_TRUE(trace.ok()) << (trace.ok() ? "" : trace.error().text());
  return trace.ok() ? std::move(trace).value() : Trace();
}

std::string error_of(const std::string& text) {
  Result<Trace> trace = parse_trace(text, "t.json");
  return trace.ok() ? "no error" : trace.error().text();
}

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path(::testing::TempDir()) /
         ("lathe_trace_" + std::to_string(::getpid()) + "_" + name);
}

TEST(JsonScanner, ReadsMicrosecondsExactly) {
  EXPECT_EQ(parse_microseconds("4362199182066.941"), 4362199182066941);
  EXPECT_EQ(parse_microseconds("0.0015"), 2);
  EXPECT_EQ(parse_microseconds("0.0014"), 1);
  EXPECT_EQ(parse_microseconds("-1.5"), -1500);
  EXPECT_EQ(parse_microseconds("1e3"), 1000000);
  EXPECT_EQ(parse_microseconds("1e300"), int64_t{1} << 61);
  EXPECT_FALSE(parse_microseconds("abc"));
  EXPECT_FALSE(parse_microseconds(""));
}

TEST(JsonScanner, NormalizesWhatReadersReject) {
  EXPECT_EQ(normalized_json("{ \"a\" : [1, 2,\n], \"b\": NaN }"), "{\"a\":[1,2],\"b\":null}");
  EXPECT_EQ(normalized_json("\"\\ud83d\\ude00\""), "\"\xf0\x9f\x98\x80\"");
  EXPECT_EQ(normalized_json("\"\\ud83d\""), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(normalized_json("007"), "7");
  EXPECT_EQ(normalized_json("[]"), "[]");
  EXPECT_EQ(normalized_json("{}"), "{}");
  EXPECT_FALSE(normalized_json("{\"a\":1} x"));
  EXPECT_FALSE(normalized_json(std::string(100000, '[')));
}

TEST(JsonReader, ObjectForm) {
  const Trace trace = parse(
      R"({"displayTimeUnit":"ns","baseTimeNanoseconds":77,"metadata":{"cpu":"x"},"other":[1],"traceEvents":[
    {"ph":"M","name":"process_name","pid":5,"args":{"name":"proc"}},
    {"ph":"M","name":"thread_name","pid":5,"tid":6,"args":{"name":"main"}},
    {"ph":"X","cat":"c","name":"outer","pid":5,"tid":6,"ts":1,"dur":10.5,"args":{"n":3,"r":1.5,"s":"t","l":[1, 2],"b":true,"z":null}},
    {"ph":"X","name":"inner","pid":5,"tid":6,"ts":2,"dur":1},
    {"ph":"C","name":"mem","pid":5,"ts":1,"args":{"bytes":12}},
    {"ph":"B","name":"be","pid":5,"tid":7,"ts":1},{"ph":"E","pid":5,"tid":7,"ts":4},
    {"ph":"i","name":"mark","pid":5,"tid":6,"ts":3,"s":"g"},{},
  ],"traceName":"n"})");
  EXPECT_EQ(trace.info().format, "chrome");
  EXPECT_EQ(trace.info().base_time_ns, 77);
  EXPECT_EQ(*trace.info().find_metadata("cpu"), "\"x\"");
  ASSERT_EQ(trace.slice_count(), 3u);
  ASSERT_EQ(trace.lanes().size(), 2u);
  EXPECT_EQ(trace.text(trace.lanes()[0].name), "main");
  EXPECT_EQ(trace.text(trace.processes()[0].name), "proc");
  const SliceId outer(size_t{0}), inner(size_t{1}), be(size_t{2});
  EXPECT_EQ(trace.duration(outer), 10500);
  EXPECT_EQ(trace.parent(inner), outer);
  EXPECT_EQ(trace.duration(be), 3000);
  EXPECT_EQ(trace.arg(outer, "n")->bits, 3);
  EXPECT_EQ(trace.arg(outer, "r")->real_value(), 1.5);
  EXPECT_EQ(trace.arg_text(outer, "s"), "t");
  EXPECT_EQ(trace.arg_text(outer, "l"), "[1,2]");
  EXPECT_EQ(trace.arg(outer, "z")->kind, ArgKind::null);
  ASSERT_EQ(trace.counters().size(), 1u);
  EXPECT_EQ(trace.counters()[0].values[0], 12);
  ASSERT_EQ(trace.instants().size(), 1u);
  EXPECT_EQ(trace.instants()[0].scope, 'g');
}

TEST(JsonReader, KinetoStringPids) {
  const Trace trace = parse(R"({"schemaVersion":1,"deviceProperties":[],"traceEvents":[
    {"ph":"X","cat":"Trace","ts":1,"dur":2,"pid":"Spans","tid":"PyTorch Profiler","name":"span"},
    {"ph":"X","cat":"cpu_op","ts":1,"dur":2,"pid":4,"tid":-4,"name":"op"}]})");
  EXPECT_EQ(trace.info().format, "kineto");
  EXPECT_EQ(trace.text(trace.processes()[0].name), "Spans");
  EXPECT_EQ(trace.processes()[0].pid, -1);
  EXPECT_EQ(trace.lanes()[1].tid, 4);
}

TEST(JsonReader, OtherWriters) {
  const Trace ort = parse(
      R"([{"cat" : "Session","pid" :1,"tid" :1,"dur" :5,"ts" :1,"ph" : "X","name" :"model_run","args" : {}},
    {"cat" : "Node","pid" :1,"tid" :1,"dur" :6,"ts" :1,"ph" : "X","name" :"a_kernel_time","args" : {"op_name" : "Conv"}}])");
  EXPECT_EQ(ort.info().format, "onnxruntime");
  EXPECT_EQ(parse(R"([{"name":"l","ph":"X","ts":0,"dur":3,"tid":1,"pid":"layers","args":{}}])").info().format,
            "torch_tensorrt");
}

TEST(JsonReader, CutOffArrayCounts) {
  const std::string whole =
      R"([{"ph":"X","name":"a","pid":1,"tid":1,"ts":0,"dur":1},{"ph":"X","name":"b","pid":1,"tid":1,"ts":2,"dur":1}])";
  for (size_t length = 1; length < whole.size(); ++length) {
    const Trace trace = parse(whole.substr(0, length));
    EXPECT_LE(trace.slice_count(), 2u);
    ASSERT_EQ(trace.info().notes.size(), 1u) << length;
  }
  EXPECT_EQ(parse(whole.substr(0, whole.size() - 1)).slice_count(), 2u);
}

TEST(JsonReader, DamageIsAnErrorWithItsByte) {
  EXPECT_NE(error_of(R"({"traceEvents":[{"ph":"X" "name":1}]})").find("byte 26"), std::string::npos)
      << error_of(R"({"traceEvents":[{"ph":"X" "name":1}]})");
  EXPECT_NE(error_of(R"({"traceEvents":[{"ph":"X"})").find("damaged at byte 26"), std::string::npos);
  EXPECT_NE(error_of(R"({"traceEvents":{}})").find("no array"), std::string::npos);
  EXPECT_NE(error_of("{}").find("traceEvents"), std::string::npos);
  EXPECT_NE(error_of("").find("is empty"), std::string::npos);
  EXPECT_NE(error_of("hello").find("not a trace"), std::string::npos);
  EXPECT_NE(error_of("[{\"a\":x}]").find("damaged at byte 6"), std::string::npos) << error_of("[{\"a\":x}]");
}

TEST(JsonReader, NoInputCrashesIt) {
  const std::string whole =
      R"([{"ph":"X","name":"a\u00e9","pid":"p","tid":1.5,"ts":"0.1","dur":1,"args":{"x":[{"y":"\ud800"}],"n":-1e9}},{"ph":"s","id":"0x1","ts":1,"pid":1}])";
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'\0', '"', '{', ']', '\\', '-', '\xff'}) {
      std::string changed = whole;
      changed[at] = c;
      const Result<Trace> trace = parse_trace(changed, "t");
      if (trace.ok()) {
        EXPECT_LE(trace->slice_count(), 1u);
      }
    }
  }
}

TEST(JsonReader, Gzip) {
  const std::filesystem::path path = temporary("a.json.gz");
  const Trace trace = parse(R"([{"ph":"X","name":"a","pid":1,"tid":1,"ts":0,"dur":1}])");
  ASSERT_TRUE(write_trace(trace, path).ok());
  Result<Trace> back = read_trace(path);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(back->slice_count(), 1u);
  EXPECT_EQ(static_cast<int>(read_trace(path, JobContext(), {.max_bytes = 10}).error().kind),
            static_cast<int>(ErrorKind::resource));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_NE(read_trace(path).error().text().find("gzip"), std::string::npos);
  std::filesystem::remove(path);
}

TEST(JsonReader, RecordedKinetoTrace) {
  const char* folder = std::getenv("LATHE_MODELS");
  const char* home = std::getenv("HOME");
  const std::filesystem::path path =
      std::filesystem::path(
          folder != nullptr ? folder : std::string(home != nullptr ? home : "") + "/.cache/lathe/models") /
      "pytorch_detr_h200_trace.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  Result<Trace> trace = read_trace(path);
  ASSERT_TRUE(trace.ok()) << trace.error().text();
  EXPECT_EQ(trace->info().format, "kineto");
  EXPECT_GT(trace->slice_count(), 10000u);
  EXPECT_GT(trace->flows().size(), 1000u);
  // What we write of it reads back the same, in the portable profile.
  const std::string text = trace_to_json(*trace);
  Result<Trace> back = parse_trace(text, "back");
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(back->slice_count(), trace->slice_count());
  EXPECT_EQ(trace_to_json(*back), text);
}

}  // namespace
}  // namespace lathe
