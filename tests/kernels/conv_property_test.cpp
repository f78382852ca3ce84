// SPDX-License-Identifier: Apache-2.0
// Convolutions of every geometry, with bias, residual and activation.
#include <gtest/gtest.h>

#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;

/// Strides, dilations and pads of `rank` axes, each left out now and then.
void set_window(Random& random, Node& node, size_t rank) {
  const auto some = [&](const char* name, int64_t low, int64_t high, size_t count) {
    if (random.chance(0.4)) return;
    Ints values(count);
    for (int64_t& value : values) value = random.in(low, high);
    node.attributes.set(name, values);
  };
  some("strides", 1, 3, rank);
  some("dilations", 1, 3, rank);
  if (random.chance(0.25))
    node.attributes.set("auto_pad", std::string(random.pick({"SAME_UPPER", "SAME_LOWER", "VALID"})));
  else
    some("pads", 0, 3, 2 * rank);
}

void set_activation(Random& random, Node& node) {
  const std::string name = random.pick(
      {"Relu", "Tanh", "Sigmoid", "Clip", "LeakyRelu", "HardSwish", "HardSigmoid", "Gelu", "Elu"});
  node.attributes.set("activation", name);
  if (name == "Clip") {
    node.attributes.set("alpha", -0.5F);
    node.attributes.set("beta", 1.5F);
  } else if (name == "LeakyRelu" || name == "Elu" || name == "HardSigmoid") {
    node.attributes.set("alpha", 0.25F);
    node.attributes.set("beta", 0.5F);
  }
}

Case make_conv(Random& random) {
  const bool fused = random.chance(0.5);
  Case test{fused ? make_node("FusedConv", 1, "lathe") : make_node("Conv", 11), {}, {1, 2}};
  const auto rank = static_cast<size_t>(random.pick({1, 2, 2, 2, 2, 3}));
  const int64_t groups = random.pick({1, 1, 1, 2, 3, 8}), channels = random.pick({1, 1, 2, 3, 4, 16}),
                outputs = random.pick({1, 2, 3, 5, 16});
  const bool depthwise = random.chance(0.2);
  Shape x{random.in(1, 3), groups * (depthwise ? 1 : channels)},
      w{groups * (depthwise ? 1 : outputs), depthwise ? 1 : channels};
  for (size_t axis = 0; axis < rank; ++axis) {
    w.push_back(random.in(1, 3));
    x.push_back(random.in(rank == 3 ? 5 : 7, rank == 3 ? 8 : 17));
  }
  if (random.chance(0.02)) x[0] = 0;
  if (groups > 1) test.node.attributes.set("group", groups);
  set_window(random, test.node, rank);
  if (fused && random.chance(0.7)) set_activation(random, test.node);
  // What activations make of NaN is not settled.
  const bool special = !test.node.attributes.has("activation") && random.values() == Values::special;
  const Values values = special ? Values::special : Values::even;
  test.inputs = {random.tensor(ElementType::f32, x, values), random.tensor(ElementType::f32, w)};
  if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {w[0]}));
  if (fused && random.chance(0.5)) {
    const auto y = run_node(test.node, test.inputs);
    test.inputs.resize(3);
    if (y.ok()) test.inputs.push_back(random.tensor(ElementType::f32, (*y)[0].tensor.shape(), values));
  }
  test.blocked = random.chance(0.3);
  if (random.chance(0.05)) test.constants.clear();
  test.tolerance = 2e-5;
  return test;
}

TEST(ConvProperty, EveryGeometry) {
  check_cases(400, make_conv, {{"onednn:conv", 800}});
}

/// Rows that see nothing but padding have only bias and residual.
TEST(ConvProperty, ResidualWhereWindowsLieInThePadding) {
  const auto make = [](Random& random) {
    Case test{make_node("FusedConv", 1, "lathe"), {}, {1, 2}};
    const int64_t channels = random.pick({1, 4, 16}), outputs = random.pick({1, 2, 16});
    test.node.attributes.set("pads",
                             Ints{random.in(0, 3), random.in(0, 3), random.in(0, 3), random.in(0, 3)});
    test.inputs = {
        random.tensor(ElementType::f32, {random.in(1, 3), channels, random.in(4, 16), random.in(4, 16)}),
        random.tensor(ElementType::f32, {outputs, channels, random.in(1, 2), random.in(1, 3)}),
        random.tensor(ElementType::f32, {outputs})};
    const auto y = run_node(test.node, test.inputs);
    if (y.ok()) test.inputs.push_back(random.tensor(ElementType::f32, (*y)[0].tensor.shape()));
    test.blocked = random.chance(0.5);
    test.tolerance = 2e-5;
    return test;
  };
  check_cases(120, make, {{"onednn:conv", 4}});
}

/// Atrous convolutions reach further than kernels that step from window to window can: none may be left to a
/// plain loop.
TEST(ConvProperty, WideDilations) {
  const auto make = [](Random& random) {
    Case test{make_node("FusedConv", 1, "lathe"), {}, {1, 2}};
    const int64_t channels = random.pick({3, 16, 20}), outputs = random.pick({4, 16}),
                  dilation = random.pick({6, 12, 24, 36}), size = random.in(5, 40);
    test.inputs = {random.tensor(ElementType::f32, {1, channels, size, size}),
                   random.tensor(ElementType::f32, {outputs, channels, 3, 3}),
                   random.tensor(ElementType::f32, {outputs})};
    test.node.attributes.set("dilations", Ints{dilation, dilation});
    test.node.attributes.set("pads", Ints(4, dilation));
    test.node.attributes.set("activation", std::string("Relu"));
    test.blocked = random.chance(0.5);
    test.tolerance = 2e-5;
    return test;
  };
  check_cases(60, make, {{"onednn:conv", 60}}, false);
}

/// Sequences, channel by channel (speech models): no copy of every window.
TEST(ConvProperty, DepthwiseSequences) {
  const auto make = [](Random& random) {
    const bool fused = random.chance(0.5);
    Case test{fused ? make_node("FusedConv", 1, "lathe") : make_node("Conv", 11), {}, {1, 2}};
    const int64_t channels = random.in(2, 40), kernel = random.in(1, 31);
    test.inputs = {random.tensor(ElementType::f32, {random.in(1, 3), channels, random.in(31, 60)}),
                   random.tensor(ElementType::f32, {channels, 1, kernel})};
    if (random.chance(0.5)) test.inputs.push_back(random.tensor(ElementType::f32, {channels}));
    test.node.attributes.set("group", channels);
    test.node.attributes.set("pads", Ints{random.in(0, kernel), random.in(0, kernel)});
    test.node.attributes.set("strides", Ints{random.in(1, 2)});
    if (fused) set_activation(random, test.node);
    test.tolerance = 2e-5;
    return test;
  };
  check_cases(100, make, {{"onednn:conv", 100}}, false);
}

/// 1x1 kernels on images in blocks of channels: channels that fill no block, an odd number of blocks, more
/// than one chunk of the depth.
TEST(ConvProperty, PointwiseInBlocks) {
  const auto make = [](Random& random) {
    const bool fused = random.chance(0.7);
    Case test{fused ? make_node("FusedConv", 1, "lathe") : make_node("Conv", 11), {}, {1, 2}};
    const int64_t channels = random.pick({3, 16, 24, 37, 200, 420}),
                  outputs = random.pick({8, 16, 24, 48, 70});
    const Shape x{random.in(1, 2), channels, random.in(1, 15), random.in(1, 15)};
    test.inputs = {random.tensor(ElementType::f32, x),
                   random.tensor(ElementType::f32, {outputs, channels, 1, 1})};
    if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {outputs}));
    if (fused && random.chance(0.6)) set_activation(random, test.node);
    if (fused && random.chance(0.4)) {
      test.inputs.resize(3);
      test.inputs.push_back(random.tensor(ElementType::f32, {x[0], outputs, x[2], x[3]}));
    }
    test.blocked = true;
    test.tolerance = 2e-5;
    return test;
  };
  check_cases(100, make, {{"onednn:conv", 100}, {"simd:conv:1x1", with_wide_vectors(40)}});
}

/// What a product leaves as it is shows the activation itself: also where it has almost died away.
TEST(ConvProperty, FusedActivationsOverTheirRange) {
  constexpr int64_t channels = 16, pixels = 201;
  Accepted accepted;
  for (const char* kind : {"Gelu", "GeluTanh", "Sigmoid", "Swish", "HardSwish", "Relu"})
    for (const auto& [first, last, absolute] :
         {std::tuple{-12.0F, -3.0F, 5e-7}, {-3.0F, 3.0F, 5e-7}, {3.0F, 12.0F, 2e-6}}) {
      Case test{make_node("FusedConv", 1, "lathe"), {}, {1}};
      test.node.attributes.set("activation", std::string(kind));
      Tensor x = Tensor::allocate(ElementType::f32, {1, channels, 1, pixels}).value();
      Tensor identity = Tensor::allocate(ElementType::f32, {channels, channels, 1, 1}).value();
      for (int64_t i = 0; i < channels * pixels; ++i)
        x.mutable_data<float>()[static_cast<size_t>(i)] =
            first + (last - first) * static_cast<float>(i) / static_cast<float>(channels * pixels - 1);
      for (int64_t i = 0; i < channels * channels; ++i)
        identity.mutable_data<float>()[static_cast<size_t>(i)] = i % (channels + 1) == 0 ? 1.0F : 0.0F;
      test.inputs = {x, identity};
      test.blocked = true;
      test.absolute = absolute;
      SCOPED_TRACE(std::string(kind) + " from " + std::to_string(first));
      EXPECT_TRUE(check(test, accepted));
    }
  EXPECT_GE(accepted["simd:conv:1x1"], with_wide_vectors(18));
}

/// 3x3 kernels on images in blocks of channels: channels that fill no block, tiles cut off at every side,
/// fewer and more tiles than threads share out.
TEST(ConvProperty, WinogradInBlocks) {
  const auto make = [](Random& random) {
    const bool fused = random.chance(0.7);
    Case test{fused ? make_node("FusedConv", 1, "lathe") : make_node("Conv", 11), {}, {1, 2}};
    const int64_t channels = random.pick({16, 19, 40, 64, 80}), outputs = random.pick({16, 21, 48, 64});
    const Shape x{random.in(1, 2), channels, random.in(9, 30), random.in(9, 30)};
    test.inputs = {random.tensor(ElementType::f32, x),
                   random.tensor(ElementType::f32, {outputs, channels, 3, 3})};
    if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {outputs}));
    test.node.attributes.set("pads",
                             Ints{random.in(0, 3), random.in(0, 2), random.in(0, 3), random.in(0, 2)});
    if (fused && random.chance(0.6)) set_activation(random, test.node);
    if (fused && random.chance(0.4)) {
      const auto y = run_node(test.node, test.inputs);
      test.inputs.resize(3);
      if (y.ok()) test.inputs.push_back(random.tensor(ElementType::f32, (*y)[0].tensor.shape()));
    }
    test.blocked = random.chance(0.8);
    test.tolerance = 1e-4;
    return test;
  };
  check_cases(120, make, {{"simd:conv:winograd", with_wide_vectors(60)}});
}

/// Windows of every kind on images in blocks of channels: what they read is gathered first.
TEST(ConvProperty, GatheredFromBlocks) {
  const auto make = [](Random& random) {
    const bool fused = random.chance(0.7);
    Case test{fused ? make_node("FusedConv", 1, "lathe") : make_node("Conv", 11), {}, {1, 2}};
    const int64_t channels = random.pick({3, 16, 19, 40}), outputs = random.pick({16, 21, 48, 70});
    const Shape x{random.in(1, 3), channels, random.in(7, 12), random.in(7, 12)};
    test.inputs = {random.tensor(ElementType::f32, x),
                   random.tensor(ElementType::f32, {outputs, channels, random.in(1, 3), random.in(1, 3)})};
    if (random.chance(0.6)) test.inputs.push_back(random.tensor(ElementType::f32, {outputs}));
    set_window(random, test.node, 2);
    if (fused && random.chance(0.6)) set_activation(random, test.node);
    if (fused && random.chance(0.4)) {
      const auto y = run_node(test.node, test.inputs);
      test.inputs.resize(3);
      if (y.ok()) test.inputs.push_back(random.tensor(ElementType::f32, (*y)[0].tensor.shape()));
    }
    test.blocked = test.measured = true;
    test.tolerance = 2e-5;
    return test;
  };
  check_cases(150, make, {{"simd:conv:gathered", with_wide_vectors(60)}});
}

}  // namespace
}  // namespace lathe::test
