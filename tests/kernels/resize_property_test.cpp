// SPDX-License-Identifier: Apache-2.0
// Resize of every mode, up and down, by scales and by sizes.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Case make_resize(Random& random) {
  Case test{make_node("Resize", random.pick({13, 18, 19})), {}, {1, 2, 3}};
  const std::string mode = random.pick({"nearest", "linear", "linear", "cubic"});
  test.node.attributes.set("mode", mode);
  test.node.attributes.set(
      "coordinate_transformation_mode",
      std::string(random.pick({"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"})));
  if (mode == "cubic" && random.chance(0.3)) test.node.attributes.set("exclude_outside", int64_t{1});
  if (mode != "nearest" && test.node.version >= 18 && random.chance(0.3))
    test.node.attributes.set("antialias", int64_t{1});
  test.blocked = random.chance(0.2);
  const Shape shape = test.blocked ? random.shape(4, 4, 20, false) : random.shape(1, 5, 12, false);
  test.inputs = {random.tensor(ElementType::f32, shape,
                               random.chance(0.1) && mode == "nearest" ? Values::special : Values::even)};
  const size_t first_resized = shape.size() > 2 && random.chance(0.8) ? 2 : 0;
  if (random.chance(0.5)) {
    std::vector<float> scales(shape.size(), 1.0F);
    for (size_t i = first_resized; i < shape.size(); ++i)
      scales[i] = random.pick({0.4F, 0.5F, 1.0F, 2.0F, 3.3F});
    test.inputs.resize(2);
    test.inputs.push_back(
        Tensor::from<float>({static_cast<int64_t>(scales.size())}, std::span<const float>(scales)));
  } else {
    std::vector<int64_t> sizes(shape.begin(), shape.end());
    for (size_t i = first_resized; i < shape.size(); ++i) sizes[i] = random.in(1, 40);
    test.inputs.resize(3);
    test.inputs.push_back(
        Tensor::from<int64_t>({static_cast<int64_t>(sizes.size())}, std::span<const int64_t>(sizes)));
  }
  return test;
}

TEST(ResizeProperty, EveryMode) {
  check_cases(600, make_resize, {{"simd:resize", 450}}, false);
}

}  // namespace
}  // namespace lathe::test
