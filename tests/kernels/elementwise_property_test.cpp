// SPDX-License-Identifier: Apache-2.0
// Functions of one tensor and arithmetic of two.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

struct Function {
  const char* op;
  int version;
  const char* domain = "";
};

Case make_function(Random& random) {
  const auto function = random.pick<Function>({{"Relu", 14},
                                               {"Sigmoid", 13},
                                               {"Tanh", 13},
                                               {"Sqrt", 13},
                                               {"Abs", 13},
                                               {"Exp", 13},
                                               {"HardSwish", 14},
                                               {"LeakyRelu", 16},
                                               {"Elu", 6},
                                               {"Gelu", 20},
                                               {"Gelu", 1, "lathe"},
                                               {"Clip", 6},
                                               {"Clip", 13},
                                               {"Erf", 13}});
  Case test{make_node(function.op, function.version, function.domain), {}, {1, 2}};
  const std::string op = function.op;
  test.blocked = random.chance(0.2);
  const Shape shape = test.blocked ? random.shape(4, 4, 20) : random.shape(0, 7, 6);
  test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
  if ((op == "LeakyRelu" || op == "Elu") && random.chance(0.7))
    test.node.attributes.set("alpha", random.pick({0.0F, 0.2F, 1.5F, -0.5F}));
  if (op == "Gelu" && random.chance(0.5)) test.node.attributes.set("approximate", std::string("tanh"));
  if (op == "Clip" && function.version < 11) {
    if (random.chance(0.7)) test.node.attributes.set("min", -0.5F);
    if (random.chance(0.7)) test.node.attributes.set("max", 1.0F);
  } else if (op == "Clip") {
    const auto bound = [&](float value) { return random.chance(0.7) ? Tensor::scalar(value) : Tensor(); };
    test.inputs.push_back(bound(random.pick({-0.5F, 2.0F})));
    test.inputs.push_back(bound(1.0F));
    if (random.chance(0.2)) test.constants.clear();
  }
  return test;
}

TEST(ElementwiseProperty, FunctionsOfOneTensor) {
  Accepted accepted;
  check_cases(1000, make_function, accepted);
  expect_accepted(accepted, "onednn:eltwise", 1500);
  expect_accepted(accepted, "simd:erf", 100);
}

Case make_binary(Random& random) {
  Case test{make_node(random.pick({"Add", "Sub", "Mul", "Div", "Max", "Min"}), 14), {}, {}};
  test.blocked = random.chance(0.2);
  const Shape whole = test.blocked ? random.shape(4, 4, 20) : random.shape(0, 7, 5);
  const int form = static_cast<int>(random.in(0, 3));  // same; either broadcasts; both do
  const Shape a = form == 0 || form == 1 ? whole : random.broadcastable(whole),
              b = form == 0 || form == 2 ? whole : random.broadcastable(whole);
  test.inputs = {random.tensor(ElementType::f32, a, random.values()),
                 random.tensor(ElementType::f32, b, random.values())};
  if (random.chance(0.3)) test.constants = {static_cast<size_t>(random.in(0, 1))};
  return test;
}

TEST(ElementwiseProperty, ArithmeticOfTwo) {
  Accepted accepted;
  check_cases(1000, make_binary, accepted);
  expect_accepted(accepted, "onednn:binary", 1000);
}

}  // namespace
}  // namespace lathe::test
