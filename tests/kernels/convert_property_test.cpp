// SPDX-License-Identifier: Apache-2.0
// Conversions between element types, which have to be exact.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

Shape some_shape(Random& random, bool blocked) {
  return blocked ? random.shape(4, 4, 20) : random.shape(0, 6, 7);
}

TEST(ConvertProperty, Quantize) {
  const auto make = [](Random& random) {
    Case test{make_node("QuantizeLinear", random.pick({13, 19, 21})), {}, {1, 2}};
    test.blocked = random.chance(0.3);
    test.absolute = 0;
    const ElementType type = random.pick({ElementType::u8, ElementType::i8});
    test.inputs = {random.tensor(ElementType::f32, some_shape(random, test.blocked),
                                 random.pick({Values::even, Values::wide})),
                   Tensor::scalar(random.pick({0.01F, 0.25F, 3.0F, 1e-3F}))};
    if (random.chance(0.8)) test.inputs.push_back(random.tensor(type, {}));
    return test;
  };
  check_cases(400, make, {{"simd:quantize", 400}}, false);
}

TEST(ConvertProperty, Dequantize) {
  const auto make = [](Random& random) {
    Case test{make_node("DequantizeLinear", random.pick({13, 19, 21})), {}, {1, 2}};
    test.absolute = 0;
    const ElementType type = random.pick({ElementType::u8, ElementType::i8});
    test.inputs = {random.tensor(type, some_shape(random, false)),
                   Tensor::scalar(random.pick({0.01F, 0.25F, 3.0F}))};
    if (random.chance(0.8)) test.inputs.push_back(random.tensor(type, {}));
    return test;
  };
  check_cases(400, make, {{"simd:quantize", 400}}, false);
}

TEST(ConvertProperty, Casts) {
  const auto make = [](Random& random) {
    Case test{make_node("Cast", 13), {}, {}};
    test.blocked = random.chance(0.3);
    test.absolute = 0;
    const ElementType narrow = random.pick({ElementType::f16, ElementType::bf16});
    const bool down = random.chance(0.5);
    test.node.attributes.set("to", static_cast<int64_t>(down ? narrow : ElementType::f32));
    test.inputs = {
        random.tensor(down ? ElementType::f32 : narrow, some_shape(random, test.blocked), random.values())};
    return test;
  };
  check_cases(600, make, {{"simd:cast", 600}}, false);
}

}  // namespace
}  // namespace lathe::test
