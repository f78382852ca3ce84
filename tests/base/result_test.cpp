// SPDX-License-Identifier: Apache-2.0
#include "engine/base/result.h"

#include <gtest/gtest.h>
#include <memory>

namespace lathe {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0)
    return bad_input("halving", std::to_string(value) + " is odd").hint("give an even number");
  return value / 2;
}

Result<int> quarter(int value) {
  LATHE_ASSIGN(const int once, half(value));
  LATHE_ASSIGN(const int twice, half(once));
  return twice;
}

Status check_even(int value) {
  LATHE_TRY(half(value));
  return {};
}

TEST(Result, HoldsValueOrError) {
  ASSERT_TRUE(half(4).ok());
  EXPECT_EQ(*half(4), 2);
  const auto odd = half(3);
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().kind, ErrorKind::bad_input);
  EXPECT_EQ(odd.error().text(), "halving: 3 is odd");
  ASSERT_EQ(odd.error().hints.size(), 1u);
}

TEST(Result, MacrosPassTheFirstErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().what, "3 is odd");
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(5).error().what, "5 is odd");
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, TextWithoutPlaceIsTheMessageAlone) {
  EXPECT_EQ(usage_error("", "no model given").text(), "no model given");
  EXPECT_EQ(interrupted().kind, ErrorKind::interrupted);
}

}  // namespace
}  // namespace lathe
