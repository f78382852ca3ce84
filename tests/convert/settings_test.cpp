// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/settings.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

/// "" > encoder > (layers.0, layers.1), head
ModuleTree small_tree() {
  ModuleTree tree;
  for (const char* path : {"encoder", "encoder.layers", "encoder.layers.0", "encoder.layers.1", "head"})
    tree.add(path);
  return tree;
}

Result<Configuration> parse(std::string_view text) {
  static const ModuleTree tree = small_tree();
  return parse_configuration(text, tree, "config.json");
}

TEST(Settings, DottedPathsAndNestedChildrenMeanTheSame) {
  const auto dotted = parse(R"({"rt_mode": "onnx", "encoder.layers.0": {"fp16": true}})");
  const auto nested = parse(
      R"({"rt_mode": "onnx", "children": {"encoder": {"children": {"layers": {"children": {"0": {"fp16": true}}}}}}})");
  ASSERT_TRUE(dotted.ok()) << dotted.error().text();
  ASSERT_TRUE(nested.ok()) << nested.error().text();
  EXPECT_EQ(dotted->modules.at("encoder.layers.0").fp16, true);
  EXPECT_EQ(nested->modules.at("encoder.layers.0").fp16, true);
}

TEST(Settings, WhatIsWrittenParsesBack) {
  const auto first = parse(R"({"rt_mode": "onnx", "auto": true, "exclude": ["encoder.layers.1"],
    "input_shapes": {"x": [1, 3, 8, 8]}, "dynamic_axes": {"y": {"0": ["n", 1, 4, 8]}},
    "encoder": {"rt_mode": null}, "data": "d.npz", "metric": "top1", "symmetric": true, "tune": true})");
  ASSERT_TRUE(first.ok()) << first.error().text();
  const auto again = parse(to_json(*first));
  ASSERT_TRUE(again.ok()) << again.error().text() << "\n" << to_json(*first);
  EXPECT_EQ(to_json(*again), to_json(*first));
  EXPECT_EQ(again->exclude, std::vector<std::string>{"encoder.layers.1"});
  EXPECT_EQ(again->input_shapes.at("x"), (Shape{1, 3, 8, 8}));
  EXPECT_EQ(again->dynamic_axes.at("y").at(0).max, 8);
  EXPECT_TRUE(again->symmetric_activations);
  EXPECT_TRUE(again->tune);
  EXPECT_FALSE(parse("{}")->symmetric_activations);
}

TEST(Settings, UnknownNamesComeWithTheNearestValidOne) {
  const auto module = parse(R"({"encodr": {"fp16": true}})");
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().hints, std::vector<std::string>{"did you mean 'encoder'?"});
  const auto key = parse(R"({"rt_mod": "onnx"})");
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.error().hints, std::vector<std::string>{"did you mean 'rt_mode'?"});
}

TEST(Settings, DamagedTextIsRefusedWithItsFile) {
  for (const char* text : {"", "{", "[1]", R"({"fp16": "yes"})", R"({"input_shapes": {"x": [1, -3]}})",
                           R"({"exclude": "encoder"})", R"({"dynamic_axes": {"x": {"a": "n"}}})"}) {
    const auto result = parse(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_NE(result.error().text().find("config.json"), std::string::npos) << result.error().text();
  }
}

TEST(Settings, ChildrenInheritWhatTheyDoNotSet) {
  const ModuleTree tree = small_tree();
  const auto configuration =
      parse_configuration(R"({"encoder": {"fp16": true}, "encoder.layers.1": {"fp16": false}})", tree, "c");
  ASSERT_TRUE(configuration.ok()) << configuration.error().text();
  EXPECT_EQ(configuration->effective(tree, *tree.find("encoder.layers.0")).fp16, true);
  EXPECT_EQ(configuration->effective(tree, *tree.find("encoder.layers.1")).fp16, false);
  EXPECT_FALSE(configuration->effective(tree, *tree.find("head")).fp16.value_or(false));
}

}  // namespace
}  // namespace lathe
