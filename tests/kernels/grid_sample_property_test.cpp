// SPDX-License-Identifier: Apache-2.0
// GridSample inside, at and outside the borders.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Case make_grid_sample(Random& random) {
  Case test{make_node("GridSample", random.pick({16, 20, 22})), {}, {}};
  const bool old = test.node.version < 20;
  test.node.attributes.set("mode", std::string(random.pick({old ? "bilinear" : "linear", "nearest"})));
  if (random.chance(0.7))
    test.node.attributes.set("padding_mode", std::string(random.pick({"zeros", "border", "reflection"})));
  if (random.chance(0.5)) test.node.attributes.set("align_corners", int64_t{1});
  const int64_t batch = random.in(1, 3), height = random.in(1, 9), width = random.in(1, 40);
  test.inputs = {random.tensor(ElementType::f32, {batch, random.in(1, 5), random.in(1, 9), random.in(1, 9)},
                               random.chance(0.2) ? Values::special : Values::even),
                 random.tensor(ElementType::f32, {batch, height, width, 2}, random.values())};
  // Some exactly on the borders and on whole positions.
  for (float& at : test.inputs[1].mutable_data<float>())
    if (random.chance(0.1)) at = random.pick({-1.0F, 1.0F, 0.0F, 0.5F, -3.0F});
  return test;
}

TEST(GridSampleProperty, EveryPlace) {
  check_cases(800, make_grid_sample, {{"simd:grid_sample", 1500}});
}

}  // namespace
}  // namespace lathe::test
