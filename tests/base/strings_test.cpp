// SPDX-License-Identifier: Apache-2.0
#include "engine/base/strings.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

using Strings = std::vector<std::string>;

TEST(Strings, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a..b", '.'), (Strings{"a", "", "b"}));
  EXPECT_EQ(split("", '.'), Strings{""});
  EXPECT_EQ(split("a.", '.'), (Strings{"a", ""}));
}

TEST(Strings, JoinIsTheReverseOfSplit) {
  for (const std::string text : {"a.b.c", "", "..", "one"}) EXPECT_EQ(join(split(text, '.'), "."), text);
  EXPECT_EQ(join(Strings{"x", "y"}, ", "), "x, y");
}

TEST(Strings, NearestNameFindsTypingMistakes) {
  const Strings names = {"input_shapes", "rt_mode", "dynamic_axes"};
  EXPECT_EQ(nearest_name("input_shape", names), "input_shapes");
  EXPECT_EQ(nearest_name("rtmode", names), "rt_mode");
  EXPECT_EQ(nearest_name("zzzzzzzz", names), "");
  EXPECT_EQ(nearest_name("x", Strings{}), "");
}

TEST(Strings, ParseIntTakesTheWholeText) {
  int64_t value = 0;
  EXPECT_TRUE(parse_int("-12", value));
  EXPECT_EQ(value, -12);
  EXPECT_TRUE(parse_int("9223372036854775807", value));
  for (const char* bad : {"", "1x", " 1", "9223372036854775808", "1.5", "+"})
    EXPECT_FALSE(parse_int(bad, value)) << bad;
}

}  // namespace
}  // namespace lathe
