// SPDX-License-Identifier: Apache-2.0
// --plugin and "plugins" of a configuration, as a person gives them to the program.
#include <cstdlib>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/wait.h>

#include "engine/formats/onnx/onnx.h"
#include "tests/plugin/custom_model.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using testing::HasSubstr;

class PluginCommand : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(export_onnx(*attention_model(1), folder_ / "custom.onnx").ok()); }
  /// The exit code; stdout and stderr are in text_.
  int run(const std::string& arguments) {
    const std::string out = (folder_ / "printed").string();
    const int status = std::system(
        ("cd '" + folder_.path().string() + "' && '" LATHE_PROGRAM "' " + arguments + " > printed 2>&1")
            .c_str());
    std::ostringstream text;
    text << std::ifstream(out).rdbuf();
    text_ = text.str();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryFolder folder_;
  std::string text_;
  const std::string plugin_ = "--plugin '" EXAMPLE_PLUGIN "' ";
};

TEST_F(PluginCommand, WithoutItTheFailureSaysWhatToDo) {
  EXPECT_EQ(run("inspect custom.onnx"), 0);
  EXPECT_THAT(text_, HasSubstr("--plugin"));
  EXPECT_EQ(run("convert custom.onnx --dry-run"), 1);
  EXPECT_THAT(text_, HasSubstr("unsupported_operator"));
  EXPECT_EQ(run("run custom.onnx"), 3);
}

TEST_F(PluginCommand, WithItTheModelRunsAndConverts) {
  EXPECT_EQ(run("run " + plugin_ + "custom.onnx"), 0) << text_;
  EXPECT_EQ(run("run " + plugin_ + "custom.onnx --engine"), 0) << text_;
  EXPECT_EQ(run("convert " + plugin_ + "custom.onnx --out made --runs 2"), 0) << text_;
  EXPECT_THAT(text_, HasSubstr("Num Modules: 1"));
  EXPECT_EQ(run("run made " + plugin_), 0) << text_;
  EXPECT_EQ(run("run made"), 3) << text_;  // opening a folder runs no code of others
}

TEST_F(PluginCommand, AConfigurationNamesPluginsRelativeToItself) {
  std::filesystem::copy_file(EXAMPLE_PLUGIN, folder_ / "mine.so");
  folder_.write("config.json", R"({"plugins": ["mine.so"]})");
  EXPECT_EQ(run("convert custom.onnx --out made --runs 2 --config config.json"), 0) << text_;
  EXPECT_EQ(run("convert custom.onnx --out again --runs 2 --config made/config.json"), 0) << text_;
  folder_.write("config.json", R"({"plugins": "mine.so"})");
  EXPECT_EQ(run("convert custom.onnx --dry-run --config config.json"), 3) << text_;
}

TEST_F(PluginCommand, ItsOperatorsAreListed) {
  EXPECT_EQ(run("inspect --operators"), 0);
  EXPECT_THAT(text_, testing::Not(HasSubstr("MultiScaleDeformableAttention")));
  EXPECT_EQ(run("inspect --operators " + plugin_), 0);
  EXPECT_THAT(text_, HasSubstr("\nMultiScaleDeformableAttention     com.example "));
}

TEST_F(PluginCommand, WhatIsNoPluginIsExitThree) {
  EXPECT_EQ(run("run custom.onnx --plugin custom.onnx"), 3);
  EXPECT_THAT(text_, HasSubstr("custom.onnx: cannot be loaded"));
}

}  // namespace
}  // namespace lathe
