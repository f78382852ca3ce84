// SPDX-License-Identifier: Apache-2.0
// Functions of one tensor and arithmetic of two.
#include <cmath>
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

/// Functions of vector code of our own, over all numbers there are.
Case make_vector_function(Random& random) {
  const auto function = random.pick<Function>({{"Log", 13},
                                               {"Sin", 7},
                                               {"Cos", 7},
                                               {"Softplus", 1},
                                               {"Mish", 18},
                                               {"Swish", 24},
                                               {"Elu", 6},
                                               {"Selu", 6},
                                               {"Celu", 12},
                                               {"HardSigmoid", 6},
                                               {"ThresholdedRelu", 10},
                                               {"Floor", 13},
                                               {"Ceil", 13},
                                               {"Round", 11},
                                               {"Sign", 13},
                                               {"Erf", 13}});
  Case test{make_node(function.op, function.version), {}, {}};
  for (const char* name : {"alpha", "beta", "gamma"})
    if (random.chance(0.4)) test.node.attributes.set(name, random.pick({0.3F, 1.7F, -0.5F, 1.0F}));
  test.blocked = random.chance(0.2);
  const Shape shape = test.blocked ? random.shape(4, 4, 20) : random.shape(0, 4, 12);
  test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
  if (random.chance(0.3))
    for (float& x : test.inputs[0].mutable_data<float>())
      if (random.chance(0.1))
        x = random.pick({1e-42F, -1e-42F, 3e38F, -3e38F, 89.0F, -104.5F, -30.0F, 1e5F, 2.5F, 29999.0F});
  return test;
}

TEST(ElementwiseProperty, FunctionsOfVectorCode) {
  check_cases(1500, make_vector_function, {{"simd:function", 5000}});
}

/// Results are as large as the largest allows, so that each is held to its own magnitude here.
TEST(ElementwiseProperty, FunctionsToTheLastPlaces) {
  const auto make = [](Random& random) {
    const auto function =
        random.pick<Function>({{"Log", 13}, {"Sin", 7}, {"Softplus", 1}, {"Mish", 18}, {"Selu", 6}});
    Case test{make_node(function.op, function.version), {}, {}};
    const float magnitude = std::pow(10.0F, static_cast<float>(random.in(-7, 4)));
    test.inputs = {
        Tensor::from<float>({2}, {random.pick({1.0F, -1.0F}) * magnitude * 1.7F, magnitude * 1.3F})};
    test.tolerance = 1e-6;
    test.least = 1e-30;
    // Of two numbers of one magnitude the smaller result may be far smaller: only one is kept.
    test.inputs[0] = Tensor::from<float>({1}, {test.inputs[0].data<float>()[random.in(0, 1)]});
    return test;
  };
  check_cases(400, make, {{"simd:function", 1000}}, false);
}

Case make_power(Random& random) {
  Case test{make_node("Pow", 15), {}, {1}};
  test.blocked = random.chance(0.2);
  const Shape shape = test.blocked ? random.shape(4, 4, 20) : random.shape(0, 4, 12);
  test.inputs = {random.tensor(ElementType::f32, shape, random.values())};
  const bool whole = random.chance(0.5);
  const float exponent = whole
                             ? static_cast<float>(random.in(-5, 6))
                             : random.pick({0.5F, -0.5F, 1.5F, 2.2F, -0.3F, 1.0F / 3, 17.0F, 40.5F, -33.0F});
  test.inputs.push_back(whole && random.chance(0.3)
                            ? Tensor::scalar(static_cast<int64_t>(exponent))
                            : Tensor::from<float>(random.chance(0.5) ? Shape{} : Shape{1}, {exponent}));
  return test;
}

TEST(ElementwiseProperty, PowersByAConstant) {
  check_cases(1000, make_power, {{"simd:power", 3000}});
}

Case make_prelu(Random& random) {
  Case test{make_node("PRelu", random.pick({6, 9, 16})), {}, {}};
  const Shape shape = random.shape(1, 5, 9);
  Shape slope = shape;
  const int form = static_cast<int>(random.in(0, 3));
  if (form == 0) slope = random.broadcastable(shape);
  if (form == 1) slope = random.chance(0.5) ? Shape{} : Shape{1};
  if (form == 2 && shape.size() > 1) {  // one of each channel
    slope.assign(shape.size() - 1, 1);
    slope[0] = shape[1];
  }
  if (test.node.version < 7 && shape.size() > 1 && random.chance(0.5)) slope = {shape[1]};
  test.inputs = {random.tensor(ElementType::f32, shape, random.values()),
                 random.tensor(ElementType::f32, slope, random.values())};
  if (random.chance(0.7)) test.constants = {1};
  return test;
}

TEST(ElementwiseProperty, SlopesOfNegatives) {
  check_cases(800, make_prelu, {{"simd:prelu", 2000}});
}

TEST(ElementwiseProperty, FunctionsOfOneTensor) {
  check_cases(1000, make_function, {{"onednn:eltwise", 1500}, {"simd:erf", 100}});
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
  check_cases(1000, make_binary, {{"onednn:binary", 1000}});
}

Case make_where(Random& random) {
  Case test{make_node("Where", random.pick({9, 16})), {}, {}};
  const Shape whole = random.shape(0, 5, 7);
  const auto some = [&] { return random.chance(0.5) ? whole : random.broadcastable(whole); };
  Tensor condition = Tensor::allocate(ElementType::boolean, some()).value();
  for (bool& each : condition.mutable_data<bool>()) each = random.chance(0.5);
  test.inputs = {std::move(condition), random.tensor(ElementType::f32, some(), random.values()),
                 random.tensor(ElementType::f32, some(), random.values())};
  if (random.chance(0.2)) test.inputs[1] = test.inputs[2] = Tensor::scalar(int32_t{-7});
  if (random.chance(0.3)) test.constants = {2};
  test.absolute = 0;
  return test;
}

TEST(ElementwiseProperty, ChoiceOfTwo) {
  check_cases(600, make_where, {{"simd:where", 1500}}, false);
}

Case make_expand(Random& random) {
  Case test{make_node("Expand", random.pick({8, 13})), {}, {1}};
  const Shape whole = random.shape(0, 5, 7);
  const ElementType type = random.pick({ElementType::f32, ElementType::bf16, ElementType::u8});
  test.inputs = {
      random.tensor(type, random.chance(0.2) ? Shape{1, 1} : random.broadcastable(whole), random.values()),
      Tensor::from<int64_t>({static_cast<int64_t>(whole.size())}, std::span<const int64_t>(whole))};
  if (random.chance(0.2)) test.inputs[0] = Tensor::from<int64_t>({1}, {int64_t{1} << 40});
  test.absolute = 0;
  return test;
}

TEST(ElementwiseProperty, Repeated) {
  check_cases(500, make_expand, {{"simd:expand", 1500}}, false);
}

}  // namespace
}  // namespace lathe::test
