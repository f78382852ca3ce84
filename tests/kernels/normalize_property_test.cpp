// SPDX-License-Identifier: Apache-2.0
// Softmax along every axis, old and new, and layer normalisation from every axis on.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(NormalizeProperty, Softmax) {
  Accepted accepted;
  const auto make = [](Random& random) {
    Case test{make_node("Softmax", random.pick({11, 13, 13})), {}, {}};
    test.blocked = random.chance(0.1);
    const Shape shape = test.blocked ? random.shape(4, 4, 20) : random.shape(1, 7, 6);
    const auto rank = static_cast<int64_t>(shape.size());
    if (random.chance(0.8)) test.node.attributes.set("axis", random.in(-rank, rank - 1));
    test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
    return test;
  };
  check_cases(500, make, accepted);
  expect_accepted(accepted, "onednn:softmax", 600);
}

TEST(NormalizeProperty, LayerNormalization) {
  Accepted accepted;
  const auto make = [](Random& random) {
    const bool internal = random.chance(0.4);
    Case test{internal ? make_node("LayerNorm", 1, "lathe") : make_node("LayerNormalization", 17), {}, {}};
    test.blocked = random.chance(0.1);
    const Shape shape = test.blocked ? random.shape(4, 4, 20) : random.shape(1, 6, 9);
    const auto rank = static_cast<int64_t>(shape.size());
    const int64_t axis = random.in(-rank, rank - 1);
    if (axis != -1 || random.chance(0.5)) test.node.attributes.set("axis", axis);
    if (random.chance(0.5)) test.node.attributes.set("epsilon", random.pick({1e-5F, 1e-3F, 1e-12F}));
    const Shape inner(shape.begin() + (axis < 0 ? axis + rank : axis), shape.end());
    test.inputs = {
        random.tensor(ElementType::f32, shape, random.chance(0.2) ? Values::special : Values::even)};
    if (!internal || random.chance(0.7))
      test.inputs.push_back(random.tensor(
          ElementType::f32, !internal && random.chance(0.2) ? random.broadcastable(inner) : inner));
    if (test.inputs.size() == 2 && random.chance(0.7))
      test.inputs.push_back(random.tensor(ElementType::f32, inner));
    if (random.chance(0.5)) test.constants = {1, 2};
    test.tolerance = 1e-4;  // a row of equal numbers divides by the root of epsilon
    return test;
  };
  check_cases(500, make, accepted);
  expect_accepted(accepted, "onednn:layernorm", 600);
}

TEST(NormalizeProperty, BatchNormalization) {
  Accepted accepted;
  const auto make = [](Random& random) {
    Case test{make_node("BatchNormalization", 15), {}, {}};
    test.blocked = random.chance(0.4);
    const Shape shape = test.blocked ? random.shape(4, 4, 20) : random.shape(2, 5, 9);
    if (random.chance(0.5)) test.node.attributes.set("epsilon", random.pick({1e-5F, 1e-3F}));
    const Shape channels{shape[1]};
    test.inputs = {
        random.tensor(ElementType::f32, shape, random.chance(0.2) ? Values::special : Values::even)};
    for (int i = 0; i < 3; ++i) test.inputs.push_back(random.tensor(ElementType::f32, channels));
    Tensor variance = random.tensor(ElementType::f32, channels);
    for (float& each : variance.mutable_data<float>()) each = each * each + 0.1F;
    test.inputs.push_back(std::move(variance));
    if (random.chance(0.7)) test.constants = {1, 2, 3, 4};
    return test;
  };
  check_cases(200, make, accepted, false);
  expect_accepted(accepted, "onednn:batchnorm", 150);
}

}  // namespace
}  // namespace lathe::test
