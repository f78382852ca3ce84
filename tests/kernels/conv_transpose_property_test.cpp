// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions of every geometry.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;

Case make_conv_transpose(Random& random) {
  Case test{make_node("ConvTranspose", 11), {}, {1, 2}};
  const auto rank = static_cast<size_t>(random.pick({1, 2, 2, 2, 3}));
  const int64_t groups = random.pick({1, 1, 1, 2, 4}), channels = random.pick({1, 2, 4, 16}),
                outputs = random.pick({1, 2, 5, 16});
  Shape x{random.in(1, 2), groups * channels}, w{groups * channels, outputs};
  Ints strides, dilations, pads(2 * rank), more(rank);
  for (size_t axis = 0; axis < rank; ++axis) {
    w.push_back(random.in(1, 4));
    x.push_back(random.in(3, 9));
    strides.push_back(random.in(1, 3));
    dilations.push_back(random.pick({1, 1, 2}));
    for (const size_t end : {axis, axis + rank}) pads[end] = random.in(0, std::min<int64_t>(2, w.back() - 1));
    more[axis] = random.in(0, strides.back() - 1);
  }
  test.node.attributes.set("strides", strides);
  test.node.attributes.set("dilations", dilations);
  test.node.attributes.set("pads", pads);
  if (random.chance(0.3)) test.node.attributes.set("output_padding", more);
  if (groups > 1) test.node.attributes.set("group", groups);
  test.inputs = {random.tensor(ElementType::f32, x), random.tensor(ElementType::f32, w)};
  if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {groups * outputs}));
  test.blocked = random.chance(0.3);
  test.tolerance = 2e-5;
  return test;
}

TEST(ConvTransposeProperty, EveryGeometry) {
  check_cases(300, make_conv_transpose, {{"onednn:deconv", 150}}, false);
}

}  // namespace
}  // namespace lathe::test
