// SPDX-License-Identifier: Apache-2.0
// Loading plugins: what is registered, and what is refused in words that name the file and what is wrong.
#include <gmock/gmock.h>
#include <limits>

#include "engine/ops/operator.h"
#include "engine/ops/plugin/load_plugin.h"
#include "tests/temporary_folder.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::string& name) {
  const auto info = register_plugin(std::string(TEST_PLUGINS) + "/plugin_" + name + ".so");
  return info.ok() ? "was accepted" : info.error().text();
}

TEST(PluginLoad, TheExampleIsRegisteredOnce) {
  const int newest = operators().newest_version("");
  const auto first = register_plugin(EXAMPLE_PLUGIN);
  ASSERT_TRUE(first.ok()) << first.error().text();
  EXPECT_EQ(first->name, "deformable attention");
  EXPECT_THAT(first->operators, ElementsAre("com.example.MultiScaleDeformableAttention"));
  const size_t known = operators().all().size();
  const auto again = register_plugin(EXAMPLE_PLUGIN);
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(operators().all().size(), known);
  EXPECT_NE(operators().find("com.example", "MultiScaleDeformableAttention", 1), nullptr);
  EXPECT_EQ(operators().newest_version("com.example"), 1);
  EXPECT_EQ(operators().newest_version(""), newest);
  EXPECT_NE(operators().find("", "Relu", 17), nullptr);
}

TEST(PluginLoad, ARegistryThatWasGivenBeforeStays) {
  const OperatorRegistry& before = operators();
  const Operator* relu = before.find("", "Relu", 17);
  ASSERT_TRUE(register_plugin(std::string(TEST_PLUGINS) + "/plugin_faulty.so").ok());
  EXPECT_EQ(before.find("", "Relu", 17), relu);
  EXPECT_EQ(relu->name, "Relu");
  EXPECT_NE(operators().find("com.example.faulty", "Copy", 1), nullptr);
}

TEST(PluginLoad, WhatIsNoPluginIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(register_plugin(folder / "missing.so").error().text(),
              AllOf(HasSubstr("missing.so"), HasSubstr("is no file")));
  EXPECT_THAT(register_plugin(folder.path()).error().text(), HasSubstr("is no file"));
  const auto text = folder.write("text.so", "hello");
  EXPECT_THAT(register_plugin(text).error().text(),
              AllOf(HasSubstr("text.so"), HasSubstr("cannot be loaded")));
  EXPECT_THAT(refusal("no_entry"),
              AllOf(HasSubstr("no_entry.so"), HasSubstr("exports no lathe_plugin_entry")));
}

TEST(PluginLoad, OtherVersionsOfTheInterfaceAreRefused) {
  EXPECT_THAT(refusal("wrong_version"), HasSubstr("was built for version 99, this Lathe speaks version 1"));
  EXPECT_THAT(refusal("refuses"), HasSubstr("refuses: this Lathe speaks version 1"));
}

TEST(PluginLoad, TablesThatContradictThemselvesAreRefused) {
  EXPECT_THAT(refusal("no_operators"), HasSubstr("has no operators"));
  EXPECT_THAT(refusal("no_name"), HasSubstr("operator 0 of its table has no name"));
  EXPECT_THAT(refusal("no_compute"), HasSubstr("com.example.bad.Op has no infer or no compute"));
  EXPECT_THAT(refusal("twice"), HasSubstr("com.example.bad.Op twice"));
  EXPECT_EQ(operators().find("com.example.bad", "Op", 1), nullptr);
}

TEST(PluginLoad, OperatorsThatAreThereAlreadyAreRefused) {
  ASSERT_TRUE(register_plugin(EXAMPLE_PLUGIN).ok());
  EXPECT_THAT(refusal("of_the_example"), HasSubstr("is there already: deformable_attention.so has it"));
  EXPECT_THAT(refusal("ours"), HasSubstr("operator Relu is there already: Lathe has it itself"));
  EXPECT_THAT(refusal("too_new"), HasSubstr("begins with opset 999"));
  EXPECT_THAT(refusal("reserved"), HasSubstr("not for plugins"));
  EXPECT_EQ(operators().find("", "AnOperatorOfTomorrow", std::numeric_limits<int>::max()), nullptr);
}

}  // namespace
}  // namespace lathe
