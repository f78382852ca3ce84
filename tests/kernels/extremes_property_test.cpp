// SPDX-License-Identifier: Apache-2.0
// The largest and the smallest along axes, and where they stand.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

/// Rows shorter and longer than vectors; many equal numbers now and then.
Tensor elements(Random& random) {
  Shape shape = random.shape(1, 4, 9, false);
  if (random.chance(0.5)) shape.back() = random.in(1, 150);
  Tensor made = random.tensor(ElementType::f32, shape, random.values());
  if (random.chance(0.3))
    for (float& x : made.mutable_data<float>()) x = random.pick({-1.0F, 0.0F, -0.0F, 2.0F});
  return made;
}

Case make_reduction(Random& random) {
  Case test{
      make_node(random.pick({"ReduceMax", "ReduceMin"}), random.pick({13, 20})), {elements(random)}, {}};
  const auto rank = static_cast<int64_t>(test.inputs[0].rank());
  std::vector<int64_t> axes;
  const int64_t first = random.in(0, rank);
  for (int64_t axis = first; axis < rank; ++axis)
    if (random.chance(0.9)) axes.push_back(random.chance(0.5) ? axis : axis - rank);
  if (random.chance(0.3)) test.node.attributes.set("keepdims", int64_t{0});
  if (test.node.version < 18) {
    if (!axes.empty()) test.node.attributes.set("axes", axes);
    return test;
  }
  if (random.chance(0.3)) test.node.attributes.set("noop_with_empty_axes", int64_t{1});
  if (random.chance(0.8))
    test.inputs.push_back(
        Tensor::from<int64_t>({static_cast<int64_t>(axes.size())}, std::span<const int64_t>(axes)));
  test.constants = {1};
  return test;
}

TEST(ExtremesProperty, OfTheLastAxes) {
  check_cases(600, make_reduction, {{"simd:reduce_extreme", 1200}});
}

TEST(ExtremesProperty, Places) {
  const auto make = [](Random& random) {
    Case test{make_node(random.pick({"ArgMax", "ArgMin"}), 13), {elements(random)}, {}};
    const auto rank = static_cast<int64_t>(test.inputs[0].rank());
    test.node.attributes.set("axis", random.chance(0.8) ? int64_t{-1} : random.in(0, rank - 1));
    if (random.chance(0.3)) test.node.attributes.set("keepdims", int64_t{0});
    if (random.chance(0.4)) test.node.attributes.set("select_last_index", int64_t{1});
    test.absolute = 0;
    return test;
  };
  check_cases(600, make, {{"simd:arg_extreme", 1200}}, false);
}

}  // namespace
}  // namespace lathe::test
