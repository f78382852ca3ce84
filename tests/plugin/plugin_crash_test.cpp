// SPDX-License-Identifier: Apache-2.0
// A library that crashes is refused, with its name and the signal, and the program goes on.
#include <gmock/gmock.h>

#include "engine/ops/operator.h"
#include "engine/ops/plugin/load_plugin.h"
#include "engine/ops/plugin/survive.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string refusal(int where) {
  const auto info =
      register_plugin(std::string(TEST_PLUGINS) + "/plugin_crash_" + std::to_string(where) + ".so");
  return info.ok() ? "was accepted" : info.error().text();
}

TEST(PluginCrash, WhileLoading) {
  EXPECT_THAT(refusal(1), AllOf(HasSubstr("plugin_crash_1.so"), HasSubstr("crashes in loading with SIGSEGV"),
                                HasSubstr("not loaded")));
  EXPECT_THAT(refusal(2), HasSubstr("crashes in lathe_plugin_entry with SIGFPE"));
}

TEST(PluginCrash, WhileItIsTriedOut) {
  EXPECT_THAT(refusal(3),
              HasSubstr("crashes in infer of com.example.crash.Op (on f32 of rank 2) with SIGABRT"));
  EXPECT_THAT(refusal(4),
              HasSubstr("crashes in compute of com.example.crash.Op (on f32 of rank 0) with SIGSEGV"));
  EXPECT_THAT(refusal(5), HasSubstr("ends the process in compute of com.example.crash.Op"));
}

TEST(PluginCrash, LeavesNothingBehindAndASoundOneLoads) {
  (void)refusal(4);
  EXPECT_EQ(operators().find("com.example.crash", "Op", 1), nullptr);
  const auto sound = register_plugin(std::string(TEST_PLUGINS) + "/plugin_crash_0.so");
  ASSERT_TRUE(sound.ok()) << sound.error().text();
  EXPECT_NE(operators().find("com.example.crash", "Op", 1), nullptr);
}

TEST(PluginCrash, WhatHangsIsEnded) {
  const Status hangs = survives(
      "a.so",
      [](const Stage& stage) {
        stage("waiting");
        const volatile bool forever = true;
        while (forever) continue;
      },
      1);
  ASSERT_FALSE(hangs.ok());
  EXPECT_EQ(hangs.error().text(), "a.so: did not return from waiting within 1 seconds: it is not loaded");
}

}  // namespace
}  // namespace lathe
