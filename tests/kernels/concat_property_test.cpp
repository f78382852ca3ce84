// SPDX-License-Identifier: Apache-2.0
// Concatenation of images in blocked layouts.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(ConcatProperty, ChannelsOfBlockedImages) {
  const auto make = [](Random& random) {
    Case test{make_node("Concat", 13), {}, {}};
    test.node.attributes.set("axis",
                             random.pick({int64_t{1}, int64_t{1}, int64_t{1}, int64_t{-3}, int64_t{2}}));
    test.blocked = random.chance(0.8);
    Shape shape{random.in(1, 3), 0, random.in(1, 9), random.in(1, 9)};
    const bool along_channels = test.node.attributes.get_int("axis", 1) != 2;
    const int64_t count = random.in(1, 5);
    for (int64_t i = 0; i < count; ++i) {
      shape[1] = along_channels ? random.pick({1, 3, 16, 32, 48}) : 16;
      test.inputs.push_back(random.tensor(ElementType::f32, shape, random.values()));
    }
    return test;
  };
  check_cases(200, make, {{"copy:concat", 20}}, false);
}

}  // namespace
}  // namespace lathe::test
