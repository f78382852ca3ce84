// SPDX-License-Identifier: Apache-2.0
// QLinearConv and QLinearMatMul with every combination of types and parameters that is constant.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

/// Appends scales, zero points and weights to x.
void complete(Random& random, Case& test, const Shape& w, int64_t channels, int64_t depth) {
  const auto type = [&] { return random.pick({ElementType::u8, ElementType::i8}); };
  const ElementType w_type = type();
  const auto one = [&](float value) { return Tensor::scalar(value); };
  Tensor w_scales =
      Tensor::allocate(ElementType::f32, random.chance(0.6) ? Shape{channels} : Shape{}).value();
  for (float& scale : w_scales.mutable_data<float>()) scale = static_cast<float>(random.in(1, 40)) / 4000;
  Tensor w_zeros = Tensor::allocate(w_type, random.chance(0.5) ? Shape{channels} : Shape{}).value();
  for (int64_t i = 0; i < w_zeros.count(); ++i)
    w_zeros.mutable_raw()[i] = static_cast<std::byte>(w_type == ElementType::u8 ? 128 : 0);
  const float spread = 0.02F * 0.005F * 100 * 75 * std::sqrt(static_cast<float>(depth)) / 60;
  const Tensor x = test.inputs[0];
  test.inputs = {x,       one(0.02F),  random.tensor(x.type(), {}), random.tensor(w_type, w), w_scales,
                 w_zeros, one(spread), random.tensor(type(), {})};
  test.constants = {1, 2, 3, 4, 5, 6, 7, 8};
  test.absolute = 0;
}

Case make_conv(Random& random) {
  Case test{make_node("QLinearConv", 10), {}, {}};
  const int64_t groups = random.pick({1, 1, 1, 2, 8}), channels = random.pick({1, 3, 4, 16, 17}),
                outputs = groups * random.pick({1, 2, 5, 16, 33});
  const Shape w{outputs, channels, random.in(1, 3), random.in(1, 3)};
  if (groups > 1) test.node.attributes.set("group", groups);
  if (random.chance(0.6)) test.node.attributes.set("pads", std::vector<int64_t>{1, 0, 2, 1});
  if (random.chance(0.4)) test.node.attributes.set("strides", std::vector<int64_t>{2, 1});
  test.inputs = {random.tensor(random.pick({ElementType::u8, ElementType::i8}),
                               {random.in(1, 2), groups * channels, random.in(5, 12), random.in(5, 12)})};
  complete(random, test, w, outputs, channels * w[2] * w[3]);
  if (random.chance(0.6)) {
    Tensor bias = Tensor::allocate(ElementType::i32, {outputs}).value();
    for (int32_t& element : bias.mutable_data<int32_t>())
      element = static_cast<int32_t>(random.in(-90000, 90000));
    test.inputs.push_back(bias);
  }
  return test;
}

Case make_matmul(Random& random) {
  Case test{make_node("QLinearMatMul", 10), {}, {}};
  Shape a = random.shape(0, 2, 3, false);
  const int64_t depth = random.in(1, 70), columns = random.in(1, 40);
  a.insert(a.end(), {random.in(1, 20), depth});
  test.inputs = {random.tensor(random.pick({ElementType::u8, ElementType::i8}), a)};
  complete(random, test, {depth, columns}, columns, depth);
  return test;
}

TEST(QLinearProperty, Convolution) {
  check_cases(200, make_conv, {{"onednn:qlinear", with_8bit_products(200)}}, false);
}

TEST(QLinearProperty, MatrixProduct) {
  check_cases(200, make_matmul, {{"onednn:qlinear", with_8bit_products(200)}}, false);
}

}  // namespace
}  // namespace lathe::test
