// SPDX-License-Identifier: Apache-2.0
// Shapes learnt from data, profiles, and reduced failures, as a person asks for them.
#include <nlohmann/json.hpp>

#include "tests/cli/commands.h"
#include "tests/report/json_schema.h"

namespace lathe {
namespace {

using testing::HasSubstr;

using ConvertOptionsTest = Commands;

TEST_F(ConvertOptionsTest, ShapesAreLearntFromData) {
  const Ran ran = run({"convert", detector, "--shapes-from-data", "--data", scenes, "--limit", "4", "--runs",
                       "2", "--threads", "1", "--out", place("o")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Conversion Rate: 92/92"));
  EXPECT_THAT(ran.out, HasSubstr("input 'img' is 1x3x96x96 in all 300 samples"));
  const auto report = nlohmann::json::parse(content(place("o/report.json")));
  EXPECT_EQ(report["configuration"]["input_shapes"]["img"], (nlohmann::json{1, 3, 96, 96}));
  EXPECT_THAT(report["notes"].dump(), HasSubstr("shapes_from_data"));
  const auto schema =
      nlohmann::json::parse(std::ifstream(LATHE_SOURCE_DIR "/resources/schemas/report.schema.json"));
  EXPECT_THAT(schema_errors(schema, report, true), testing::IsEmpty());
  EXPECT_THAT(content(place("o/report.html")), HasSubstr("is 1x3x96x96 in all 300 samples"));
  EXPECT_EQ(run({"run", place("o")}).code, 0);
  expect_refusal({"run", place("o"), "--shape", "img=1x3x64x96"}, 2,
                 "input 'img': axis 2 is 64, outside the profile's 96 to 96");
}

TEST_F(ConvertOptionsTest, WithoutDataThereIsNothingToLearn) {
  expect_refusal({"convert", detector, "--shapes-from-data", "--out", place("o")}, 2, "needs samples");
}

TEST_F(ConvertOptionsTest, ARunOutsideOfAProfileIsRefused) {
  const Ran ran =
      run({"convert", detector, "--min-shape", "img=1x3x64x64", "--opt-shape", "img=1x3x96x96", "--max-shape",
           "img=1x3x128x128", "--runs", "2", "--threads", "1", "--out", place("o")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Ran inside = run({"run", place("o"), "--shape", "img=1x3x64x128"});
  EXPECT_EQ(inside.code, 0) << inside.err;
  expect_refusal({"run", place("o"), "--shape", "img=1x3x96x160"}, 2,
                 "input 'img': axis 3 is 160, outside the profile's 64 to 128");
}

TEST_F(ConvertOptionsTest, AFailureIsReducedToAFewNodes) {
  const Ran ran = run({"convert", detector, "--reduce", "--out", place("r"), "--json", "--data", scenes});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto told = nlohmann::json::parse(ran.out);
  EXPECT_EQ(told["cause"], "dynamic_shape");
  EXPECT_LE(told["nodes"], 5);
  EXPECT_EQ(told["inputs_of_run"], true);
  const Ran again = run({"convert", place("r/reduced.onnx"), "--dry-run"});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.out, HasSubstr(told["error"].get<std::string>()));
  EXPECT_EQ(run({"run", place("r/reduced.onnx"), "--inputs", place("r/inputs.npz")}).code, 0);
  const Ran module = run({"convert", detector, "--reduce", "detr.transformer.decoder", "--out", place("r")});
  EXPECT_EQ(module.code, 0) << module.err;
  EXPECT_THAT(module.out, HasSubstr("detr.transformer.decoder: dynamic_shape"));
}

TEST_F(ConvertOptionsTest, WhatConvertsHasNothingToReduce) {
  EXPECT_EQ(run({"convert", digits, "--reduce", "--out", place("r"), "--threads", "1"}).code, 1);
  expect_refusal({"convert", digits, "--reduce", "nowhere", "--out", place("r")}, 2, "nowhere");
  EXPECT_FALSE(fs::exists(place("r")));
}

TEST_F(ConvertOptionsTest, WeightsAreStoredInFourBits) {
  const Ran ran = run({"convert", detector, "--shape", "img=1x3x96x96", "--weights", "int4", "--block-size",
                       "64", "--runs", "2", "--threads", "1", "--out", place("o")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("with weights stored in int4, a scale and a zero point for every 64"));
  const auto report = nlohmann::json::parse(content(place("o/report.json")));
  EXPECT_EQ(report["configuration"]["weights"], "int4");
  EXPECT_EQ(report["configuration"]["block_size"], 64);
  EXPECT_THAT(report["notes"].dump(), HasSubstr("are stored in fewer bits"));
  const auto schema =
      nlohmann::json::parse(std::ifstream(LATHE_SOURCE_DIR "/resources/schemas/report.schema.json"));
  EXPECT_THAT(schema_errors(schema, report, true), testing::IsEmpty());
  EXPECT_EQ(run({"run", place("o"), "--threads", "1"}).code, 0);
}

TEST_F(ConvertOptionsTest, WeightsThatNobodyKnowsAreRefused) {
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"convert", digits, "--out", place("o")});
    return more;
  };
  expect_refusal(with({"--weights", "int3"}), 2, "--weights");
  expect_refusal(with({"--weights", "int4", "--block-size", "48"}), 2, "--block-size");
  expect_refusal(with({"--weights", "int8", "--fp16"}), 2, "to have its weights in int8, which go with fp32");
  expect_refusal(with({"--weights", "int8", "--block-size", "32"}), 2, "'block_size' is given");
  EXPECT_FALSE(fs::exists(place("o")));
}

}  // namespace
}  // namespace lathe
