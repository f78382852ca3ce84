// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products of 8-bit tensors over their whole range, with everything that may follow
// them.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;

void set_side(Random& random, Node& node, const std::string& side, ElementType type, float scale) {
  node.attributes.set(side + "_scale", scale);
  // Symmetric ones are the rule for signed numbers.
  const int64_t zero = type == ElementType::u8 ? random.in(0, 255)
                       : random.chance(0.7)    ? 0
                                               : random.in(-20, 20);
  node.attributes.set(side + "_zero_point", zero);
}

/// What is the same for both operators, once inputs 0 and 1 are there: scales, bias, residual, output.
void complete(Random& random, Case& test, int64_t channels, int64_t depth) {
  Node& node = test.node;
  set_side(random, node, "x", test.inputs[0].type(), 0.02F);
  std::vector<float> scales(random.chance(0.6) ? static_cast<size_t>(channels) : 1);
  for (float& scale : scales) scale = static_cast<float>(random.in(1, 40)) / 4000;
  node.attributes.set("w_scales", scales);
  // The result's spread: about that of a sum of products.
  const float spread = 0.02F * 0.005F * 100 * 75 * std::sqrt(static_cast<float>(depth)) / 60;
  const ElementType output = random.pick({ElementType::u8, ElementType::i8, ElementType::f32});
  if (output != ElementType::f32) {
    node.attributes.set("y_type", std::string(to_string(output)));
    set_side(random, node, "y", output, spread);
    test.absolute = 1;  // a tie may round to either side
  }
  test.inputs.resize(2);
  if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {channels}));
  if (random.chance(0.4)) {
    const auto y = run_node(node, test.inputs);
    test.inputs.resize(3);
    if (y.ok()) {
      test.inputs.push_back(random.tensor(output, (*y)[0].tensor.shape()));
      if (output != ElementType::f32) set_side(random, node, "residual", output, spread / 2);
    }
  }
  if (test.inputs.size() == 4 && output != ElementType::f32 && random.chance(0.4)) {
    node.attributes.set("between_type", std::string(to_string(output)));
    set_side(random, node, "between", output, random.pick({spread, spread / 2}));
    test.absolute = 2;
  }
  if (random.chance(0.5)) node.attributes.set("activation", std::string("Relu"));
  test.constants = {1, 2};
  test.tolerance = 2e-5;
  test.least = 0.1;
}

Case make_conv(Random& random) {
  Case test{make_node("QuantizedConv", 1, "lathe"), {}, {}};
  const auto rank = static_cast<size_t>(random.pick({1, 2, 2, 2, 3}));
  const int64_t groups = random.pick({1, 1, 1, 2, 8}), channels = random.pick({1, 3, 4, 16, 17}),
                outputs = random.pick({1, 2, 5, 16, 33});
  const bool depthwise = random.chance(0.2);
  Shape x{random.in(1, 2), groups * (depthwise ? 1 : channels)},
      w{groups * (depthwise ? 1 : outputs), depthwise ? 1 : channels};
  int64_t depth = w[1];
  for (size_t axis = 0; axis < rank; ++axis) {
    w.push_back(random.in(1, 3));
    depth *= w.back();
    x.push_back(random.in(rank == 3 ? 5 : 7, rank == 3 ? 7 : 14));
  }
  if (groups > 1) test.node.attributes.set("group", groups);
  const auto some = [&](const char* name, int64_t low, int64_t high, size_t count) {
    Ints values(count);
    for (int64_t& value : values) value = random.in(low, high);
    if (random.chance(0.6)) test.node.attributes.set(name, values);
  };
  some("strides", 1, 3, rank);
  some("dilations", 1, 2, rank);
  some("pads", 0, 2, 2 * rank);
  test.inputs = {random.tensor(random.pick({ElementType::u8, ElementType::i8}), x),
                 random.tensor(ElementType::i8, w)};
  complete(random, test, w[0], depth);
  return test;
}

TEST(QuantizedProperty, Convolution) {
  check_cases(400, make_conv,
              {{"onednn:quantized_conv", with_8bit_products(400)},
               {"simd:quantized_conv", with_wide_8bit_products(100)},
               {"simd:quantized_conv:depthwise", with_wide_8bit_products(15)}},
              false);
}

/// Volumes, and windows that lie in the padding alone: kernels of oneDNN 2.6 that use AMX lose paddings there
/// or read beyond.
TEST(QuantizedProperty, VolumesAndWindowsInThePadding) {
  const auto make = [](Random& random) {
    for (;;) {
      Case test = make_conv(random);
      const Shape& w = test.inputs[1].shape();
      const Ints pads = test.node.attributes.get_ints("pads");
      bool beyond = w.size() == 5;
      for (size_t i = 0; i < pads.size(); ++i) beyond = beyond || pads[i] >= w[2 + i % (w.size() - 2)];
      if (beyond) return test;
    }
  };
  check_cases(300, make, {{"onednn:quantized_conv", with_8bit_products(300)}}, false);
}

Case make_matmul(Random& random) {
  Case test{make_node("QuantizedMatMul", 1, "lathe"), {}, {}};
  Shape a = random.shape(0, 2, 3, false);
  const int64_t depth = random.in(1, 70), columns = random.in(1, 40);
  a.insert(a.end(), {random.in(1, 20), depth});
  const bool transposed = random.chance(0.4);
  if (transposed) test.node.attributes.set("transB", int64_t{1});
  test.inputs = {random.tensor(random.pick({ElementType::u8, ElementType::i8}), a),
                 random.tensor(ElementType::i8, transposed ? Shape{columns, depth} : Shape{depth, columns})};
  complete(random, test, columns, depth);
  return test;
}

TEST(QuantizedProperty, MatrixProduct) {
  check_cases(400, make_matmul, {{"onednn:quantized_matmul", with_8bit_products(400)}}, false);
}

}  // namespace
}  // namespace lathe::test
