// SPDX-License-Identifier: Apache-2.0
// `lathe compare` as a person or a script meets it.
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/wait.h>

#include "tests/temporary_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string digits = LATHE_SOURCE_DIR "/resources/examples/digits_resnet/digits_resnet_script17.onnx";

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

class CompareCommand : public testing::Test {
 protected:
  /// Runs lathe with these words; out_ and err_ get what it printed.
  int run(const std::string& words) {
    const std::string out = (folder_ / "out").string(), err = (folder_ / "err").string();
    const int status =
        std::system(("'" LATHE_PROGRAM "' " + words + " >'" + out + "' 2>'" + err + "'").c_str());
    out_ = content(out);
    err_ = content(err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string place(const std::string& name) { return (folder_ / name).string(); }

  TemporaryFolder folder_;
  std::string out_, err_;
};

TEST_F(CompareCommand, AModelIsLikeItself) {
  ASSERT_EQ(run("compare --json --fail-on-difference " + digits + " " + digits), 0) << err_;
  const auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["differs"], false);
  EXPECT_EQ(json["graph"]["added"], 0);
  ASSERT_EQ(json["outputs"].size(), 1U);
  EXPECT_EQ(json["outputs"][0]["identical"], true);
}

TEST_F(CompareCommand, AConversionsFolderAgainstItsModelAndAgainstAnother) {
  ASSERT_EQ(run("convert " + digits + " --runs 2 --threads 1 --out " + place("a")), 0) << err_;
  ASSERT_EQ(run("convert " + digits + " --bf16 --runs 2 --threads 1 --out " + place("b")), 0) << err_;
  ASSERT_EQ(run("compare --json " + digits + " " + place("b")), 0) << err_;
  auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["kind"], "models");
  EXPECT_EQ(json["differs"], true);
  EXPECT_GT(json["graph"]["added"], 0);
  EXPECT_GT(json["weights"]["different"].size(), 0U);
  EXPECT_GT(json["outputs"][0]["snr_db"], 10.0);
  EXPECT_LT(json["outputs"][0]["snr_db"], 100.0);

  ASSERT_EQ(run("compare --json --fail-on-difference " + place("a") + " " + place("b")), 1) << err_;
  json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["kind"], "conversions");
  ASSERT_EQ(json["settings"].size(), 1U) << json["settings"];
  EXPECT_EQ(json["settings"][0]["key"], "bf16");
  EXPECT_EQ(json["modules"].size(), 36U);
  EXPECT_EQ(json["modules"][0]["precision_b"], "bf16");
  ASSERT_EQ(run("compare " + place("a") + " " + place("b")), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Settings that differ"));

  ASSERT_EQ(run("compare --json " + place("a/trace_before.json") + " " + place("a/trace.json")), 0) << err_;
  json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["kind"], "traces");
  EXPECT_GT(json["classes"].size(), 2U);
  EXPECT_EQ(run("compare --fail-on-difference " + place("a/trace.json") + " " + place("a/trace.json")), 0);
  EXPECT_EQ(run("compare " + place("a/trace.json") + " " + digits), 2);
  EXPECT_THAT(err_, HasSubstr("is a trace"));
  EXPECT_EQ(run("compare " + place("a") + " " + place("a/trace.json")), 2);
}

TEST_F(CompareCommand, DamagedAndMissingInputsAreNamed) {
  folder_.write("cut.onnx", content(digits).substr(0, 1000));
  folder_.write("empty.onnx", "");
  folder_.write("cut.json", "{\"traceEvents\": [{");
  EXPECT_EQ(run("compare " + digits + " " + place("cut.onnx")), 3);
  EXPECT_THAT(err_, HasSubstr("cut.onnx"));
  EXPECT_EQ(run("compare " + digits + " " + place("none.onnx")), 3);
  EXPECT_THAT(err_, HasSubstr("does not exist"));
  EXPECT_EQ(run("compare " + place("empty.onnx") + " " + digits), 3);
  EXPECT_EQ(run("compare " + folder_.path().string() + " " + digits), 3);
  EXPECT_THAT(err_, HasSubstr("not that of a finished conversion"));
  EXPECT_EQ(run("compare " + digits), 2);
  EXPECT_EQ(run("compare --shape nope=1 " + digits + " " + digits), 2);
  EXPECT_THAT(err_, HasSubstr("nope"));
}

}  // namespace
}  // namespace lathe
