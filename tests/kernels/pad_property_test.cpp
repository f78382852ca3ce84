// SPDX-License-Identifier: Apache-2.0
// Pad in the modes that repeat the input, near and far beyond its ends.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Case make_pad(Random& random) {
  Case test{make_node("Pad", random.pick({2, 11, 13, 19})), {}, {1}};
  std::string mode = random.pick({"reflect", "edge", "wrap", "constant"});
  if (test.node.version < 19 && mode == "wrap") mode = "edge";
  test.node.attributes.set("mode", mode);
  const Shape shape = random.shape(1, 5, 9, false);
  const size_t rank = shape.size();
  test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
  std::vector<int64_t> pads(2 * rank);
  for (size_t axis = random.chance(0.9) && rank > 2 ? rank - 2 : 0; axis < rank; ++axis)
    for (const size_t end : {axis, axis + rank})
      pads[end] =
          shape[axis] > 2 && random.chance(0.05) ? -1 : random.in(0, random.chance(0.2) ? 20 : shape[axis]);
  if (test.node.version < 11) {
    test.node.attributes.set("pads", pads);
    return test;
  }
  test.inputs.push_back(
      Tensor::from<int64_t>({static_cast<int64_t>(pads.size())}, std::span<const int64_t>(pads)));
  if (random.chance(0.1)) test.constants.clear();
  return test;
}

TEST(PadProperty, ByWhatIsThere) {
  check_cases(800, make_pad, {{"simd:pad", 1000}});
}

}  // namespace
}  // namespace lathe::test
