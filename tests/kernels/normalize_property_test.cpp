// SPDX-License-Identifier: Apache-2.0
// Softmax along every axis, old and new, and layer normalisation from every axis on.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

TEST(NormalizeProperty, Softmax) {
  const auto make = [](Random& random) {
    Case test{make_node(random.pick({"Softmax", "LogSoftmax"}), random.pick({11, 13, 13})), {}, {}};
    test.blocked = random.chance(0.1);
    const Shape shape = test.blocked         ? random.shape(4, 4, 20)
                        : random.chance(0.2) ? random.shape(2, 3, 90)  // more than a block and a vector
                                             : random.shape(1, 7, 6);
    const auto rank = static_cast<int64_t>(shape.size());
    if (random.chance(0.8)) test.node.attributes.set("axis", random.in(-rank, rank - 1));
    test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
    return test;
  };
  check_cases(800, make, {{"onednn:softmax", 600}, {"simd:softmax", 1500}});
}

TEST(NormalizeProperty, LayerNormalization) {
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
  check_cases(500, make, {{"onednn:layernorm", 600}});
}

TEST(NormalizeProperty, BatchNormalization) {
  const auto make = [](Random& random) {
    const bool fused = random.chance(0.4);
    Case test{fused ? make_node("FusedBatchNormalization", 1, "lathe") : make_node("BatchNormalization", 15),
              {},
              {}};
    if (fused && random.chance(0.7)) test.node.attributes.set("activation", std::string("Relu"));
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
  check_cases(200, make, {{"onednn:batchnorm", 150}}, false);
}

TEST(NormalizeProperty, GroupsOfChannels) {
  const auto make = [](Random& random) {
    const bool instance = random.chance(0.4);
    Case test{instance ? make_node("InstanceNormalization", 6)
                       : make_node("GroupNormalization", random.pick({18, 21})),
              {},
              {}};
    Shape shape = random.shape(2, 5, 9);
    if (random.chance(0.3)) shape = {2, random.in(1, 6), random.in(1, 70), random.in(1, 70)};
    const int64_t groups = shape[1] % 2 == 0 && random.chance(0.5) ? 2 : 1;
    if (!instance) test.node.attributes.set("num_groups", groups);
    if (random.chance(0.5)) test.node.attributes.set("epsilon", random.pick({1e-5F, 1e-3F}));
    const Shape parameters{!instance && test.node.version < 21 ? groups : shape[1]};
    test.inputs = {
        random.tensor(ElementType::f32, shape, random.chance(0.2) ? Values::special : Values::even)};
    if (random.chance(0.2))
      for (float& x : test.inputs[0].mutable_data<float>()) x += 300;  // far from zero, close together
    test.inputs.push_back(random.tensor(ElementType::f32, parameters));
    test.inputs.push_back(random.tensor(ElementType::f32, parameters));
    test.tolerance = 1e-4;  // equal numbers are divided by the root of epsilon
    return test;
  };
  check_cases(500, make, {{"simd:group_norm", 1000}}, false);
}

}  // namespace
}  // namespace lathe::test
