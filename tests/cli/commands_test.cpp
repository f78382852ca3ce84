// SPDX-License-Identifier: Apache-2.0
// The program as a person or a script meets it: what it prints, its exit codes, and what it leaves behind.
#include "tests/cli/commands.h"

#include <nlohmann/json.hpp>
#include <thread>

namespace lathe {
namespace {

using testing::HasSubstr;

TEST_F(Commands, WrongUseIsExitTwo) {
  expect_refusal({"nonsense"}, 2, "nonsense");
  expect_refusal({"run", digits, "--nonsense"}, 2, "--nonsense");
  expect_refusal({"run", digits, "--shape", "nope=1x1"}, 2, "input 'nope'");
  expect_refusal({"run", digits, "--shape", "input=1x3"}, 2, "rank 4");
  expect_refusal({"run", digits, "--shape", "input=1x1x32x-1"}, 2, "1x1x32x-1");
  expect_refusal({"evaluate", digits}, 2, "--data");
}

TEST_F(Commands, DamagedInputIsExitThree) {
  const std::string whole = content(digits);
  std::string unknown = whole;
  for (size_t at = 0; (at = unknown.find("Relu", at)) != std::string::npos;) unknown.replace(at, 4, "Rely");
  expect_refusal({"inspect", place("nothing.onnx")}, 3, "nothing.onnx");
  expect_refusal({"inspect", write("text.onnx", "hello\n")}, 3, "is not an ONNX model");
  expect_refusal({"inspect", write("cut.onnx", whole.substr(0, whole.size() / 3))}, 3, "truncated");
  expect_refusal({"run", write("unknown.onnx", unknown)}, 3, "Rely");
  expect_refusal({"run", digits, "--input", "input=" + write("a.npy", "no array")}, 3, "a.npy");
  expect_refusal({"report", place("nowhere")}, 3, "nowhere");
  expect_refusal({"convert", detector, "--out", place("o"), "--config", write("c.json", "{")}, 3, "c.json");
  expect_refusal({"evaluate", digits, "--data", scenes}, 3, "input");
  EXPECT_FALSE(fs::exists(place("o")));
}

TEST_F(Commands, WhereNothingCanBeWrittenIsExitFour) {
  expect_refusal({"convert", digits, "--out", "/proc/lathe"}, 4, "/proc/lathe");
  expect_refusal({"run", digits, "--output", "/proc/lathe.npz"}, 4, "/proc/lathe.npz");
}

TEST_F(Commands, PrecisionsThatNoEngineHasAreRefusedInASentence) {
  expect_refusal({"convert", digits, "--out", place("o"), "--int8", "--calib", scenes}, 3, "input");
  expect_refusal({"convert", digits, "--out", place("o"), "--fp16", "--bf16"}, 2, "at once");
  EXPECT_TRUE(left().empty());
}

TEST_F(Commands, ALowerPrecisionIsWrittenMeasuredAndExplained) {
  const Ran ran = run({"convert", digits, "--out", place("o"), "--bf16", "--data", digits_data, "--limit",
                       "64", "--runs", "1", "--threads", "1"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Precision: bf16 in "));
  const auto report = nlohmann::json::parse(content(place("o/report.json")));
  EXPECT_EQ(report["engines"][0]["precision"], "bf16");
  EXPECT_EQ(report["modules"][0]["precision"], "bf16");
  EXPECT_EQ(report["configuration"]["bf16"], true);
  EXPECT_EQ(report["model"]["opsets"][""], 22);
  size_t narrow = 0, casts = 0;
  for (const auto& node : report["precision_map"]) {
    EXPECT_FALSE(node["reason"].get<std::string>().empty());
    narrow += node["op_type"] == "Conv" && node["precision"] == "bf16";
    casts += node["inserted"].get<bool>();
  }
  EXPECT_EQ(narrow, 15U);
  EXPECT_EQ(casts, 2U);
  EXPECT_EQ(nlohmann::json::parse(content(place("o/conversion_report.json")))[""]["fp16"], false);
  // What the engine executed is what was written.
  EXPECT_NE(content(place("o/trace.json")).find("\"precision\": \"bf16\""), std::string::npos);
  const Ran again = run({"run", place("o"), "--engine", "--threads", "1"});
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST_F(Commands, InspectTellsAsJson) {
  const Ran ran = run({"inspect", detector, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  for (const char* key :
       {"inputs", "outputs", "opset", "operators", "parameters", "flops", "modules", "findings"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json["modules"].size(), 92U);
}

TEST_F(Commands, InspectListsEveryOperatorWithWhatIsKnownOfIt) {
  const Ran ran = run({"inspect", "--operators", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto rows = nlohmann::json::parse(ran.out);
  std::map<std::string, nlohmann::json> by_name;
  for (const auto& row : rows) {
    by_name[row["operator"]] = row;
    EXPECT_FALSE(row["domain"].get<std::string>().empty()) << row;
    EXPECT_FALSE(row["versions"].empty()) << row;
    if (row["operator"] != "ImageDecoder") {
      EXPECT_TRUE(row["runs"].get<bool>()) << row;
    }
  }
  EXPECT_GT(rows.size(), 250U);
  const auto& gather = by_name["Gather"];
  ASSERT_EQ(gather["types"].size(), 2U);
  EXPECT_THAT(gather["types"][0]["types"], testing::Contains("string"));
  EXPECT_THAT(gather["types"][1]["types"], testing::IsSupersetOf({"i32", "i64"}));
  EXPECT_THAT(by_name["MaxPool"]["kernels"], testing::ElementsAre("simd:max_pool", "onednn:pool"));
  EXPECT_GT(by_name["Conv"]["tests"]["onnx"], 10);
  EXPECT_EQ(by_name["com.microsoft.GroupNorm"]["domain"], "com.microsoft");
  const Ran text = run({"inspect", "--operators"});
  EXPECT_EQ(static_cast<size_t>(std::count(text.out.begin(), text.out.end(), '\n')), rows.size() + 1);
}

TEST_F(Commands, OpenShapesConvertNothingAndSayWhy) {
  const Ran ran = run({"convert", detector, "--out", place("o"), "--data", scenes, "--limit", "8"});
  EXPECT_EQ(ran.code, 1) << ran.err;
  const auto report = nlohmann::json::parse(content(place("o/workflow_report.json")));
  EXPECT_EQ(report["conversion_rate"], (nlohmann::json{0, 92}));
  EXPECT_EQ(report["performance"]["accuracy"], report["non_converted_performance"]["accuracy"]);
  const auto conversion = nlohmann::json::parse(content(place("o/conversion_report.json")));
  EXPECT_EQ(conversion[""]["cause"], "dynamic_shape");
  EXPECT_THAT(conversion[""]["traceback"].get<std::string>(), HasSubstr("img"));
}

TEST_F(Commands, AConvertedFolderRunsLikeItsModel) {
  const Ran ran = run({"convert", digits, "--out", place("o"), "--data", digits_data});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Conversion Rate: 36/36"));
  EXPECT_EQ(run({"run", digits, "--eager", "--output", place("a.npz")}).code, 0);
  EXPECT_EQ(run({"run", place("o"), "--output", place("b.npz")}).code, 0);
  const Ran evaluated = run({"evaluate", place("o"), "--data", digits_data, "--json"});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_THAT(evaluated.out, HasSubstr("0.994"));
  EXPECT_EQ(run({"report", place("o")}).out, content(place("o/lathe.log")));
}

TEST_F(Commands, AnInterruptedConversionLeavesNothing) {
  const pid_t child =
      start({"convert", detector, "--out", place("o"), "--shape", "img=1x3x96x96", "--data", scenes});
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  kill(child, SIGINT);
  const Ran ran = finish(child);
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_TRUE(left().empty()) << left().front();
}

TEST_F(Commands, ProfileWritesATraceAndABalance) {
  const Ran ran = run({"profile", digits, "--engine", "--runs", "3", "--trace", place("t.json"), "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  double sum = json["unexplained_ms"];
  for (const auto& [name, ms] : json["time_balance_ms"].items()) sum += ms.get<double>();
  EXPECT_NEAR(sum, json["latency_ms"]["p50"].get<double>(), 1e-6);
  EXPECT_TRUE(nlohmann::json::parse(content(place("t.json"))).contains("traceEvents"));
}

}  // namespace
}  // namespace lathe
