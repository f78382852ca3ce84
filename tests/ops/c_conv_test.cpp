// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/window.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

/// 2-D convolution written out, to hold the column-matrix one against.
Tensor convolve_directly(const ConvGeometry& c, const Tensor& x, const Tensor& w) {
  Tensor y = std::move(Tensor::allocate(ElementType::f32, c.output)).value();
  const Window& win = c.window;
  const auto in = x.data<float>(), weights = w.data<float>();
  auto out = y.mutable_data<float>();
  size_t index = 0;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t oc = 0; oc < c.out_channels; ++oc)
      for (int64_t oy = 0; oy < win.output[0]; ++oy)
        for (int64_t ox = 0; ox < win.output[1]; ++ox) {
          double sum = 0;
          for (int64_t ic = 0; ic < c.group_channels(); ++ic)
            for (int64_t ky = 0; ky < win.kernel[0]; ++ky)
              for (int64_t kx = 0; kx < win.kernel[1]; ++kx) {
                const int64_t iy = oy * win.strides[0] - win.pads_begin[0] + ky * win.dilations[0];
                const int64_t ix = ox * win.strides[1] - win.pads_begin[1] + kx * win.dilations[1];
                if (iy < 0 || iy >= c.input[0] || ix < 0 || ix >= c.input[1]) continue;
                const int64_t channel = oc / c.group_outputs() * c.group_channels() + ic;
                sum += in[static_cast<size_t>(((n * c.channels + channel) * c.input[0] + iy) * c.input[1] +
                                              ix)] *
                       weights[static_cast<size_t>(
                           ((oc * c.group_channels() + ic) * win.kernel[0] + ky) * win.kernel[1] + kx)];
              }
          out[index++] = static_cast<float>(sum);
        }
  return y;
}

Node conv_node(std::vector<int64_t> strides, std::vector<int64_t> pads, std::vector<int64_t> dilations,
               int64_t group) {
  Node node = make_node("Conv", 22);
  node.attributes.set("strides", std::move(strides));
  node.attributes.set("pads", std::move(pads));
  node.attributes.set("dilations", std::move(dilations));
  node.attributes.set("group", group);
  return node;
}

TEST(Conv, AgreesWithTheDefinition) {
  const Tensor x = noise({2, 4, 9, 7}), w = noise({6, 2, 3, 2}, 2);
  for (const auto& pads : {std::vector<int64_t>{0, 0, 0, 0}, {1, 2, 0, 1}, {3, 0, 2, 2}})
    for (const int64_t stride : {1, 2, 3}) {
      const Node node = conv_node({stride, 1}, pads, {1, 2}, 2);
      const auto conv = resolve_conv(node, x.shape(), w.shape());
      ASSERT_TRUE(conv.ok()) << conv.error().text();
      const auto y = run_node(node, {x, w});
      ASSERT_TRUE(y.ok()) << y.error().text();
      expect_near((*y)[0].tensor, convolve_directly(*conv, x, w), 1e-5);
    }
}

TEST(Conv, LongLinesAreCutIntoBlocks) {
  const Tensor x = noise({1, 64, 1, 40000}), w = noise({2, 64, 1, 3}, 2);
  const Node node = conv_node({1, 1}, {0, 1, 0, 1}, {1, 1}, 1);
  const auto y = run_node(node, {x, w});
  ASSERT_TRUE(y.ok());
  expect_near((*y)[0].tensor, convolve_directly(*resolve_conv(node, x.shape(), w.shape()), x, w), 1e-4);
}

TEST(Conv, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(
      run_node(conv_node({1, 1}, {0, 0, 0, 0}, {1, 1}, 3), {noise({1, 4, 5, 5}), noise({6, 2, 3, 3})}).ok());
  EXPECT_FALSE(
      run_node(conv_node({0, 1}, {0, 0, 0, 0}, {1, 1}, 1), {noise({1, 4, 5, 5}), noise({6, 4, 3, 3})}).ok());
  EXPECT_FALSE(
      run_node(conv_node({1, 1}, {0, 0, 0}, {1, 1}, 1), {noise({1, 4, 5, 5}), noise({6, 4, 3, 3})}).ok());
  const auto large =
      run_node(conv_node({1, 1}, {0, 0, 0, 0}, {1, 1}, 1), {noise({1, 4, 2, 5}), noise({6, 4, 3, 3})});
  ASSERT_FALSE(large.ok());
  EXPECT_NE(large.error().text().find("spatial axis 0"), std::string::npos) << large.error().text();
}

TEST(ConvTranspose, IsTheAdjointOfConv) {
  // <conv(x, w), y> = <x, conv_transpose(y, w)>
  Node forward = conv_node({2, 1}, {1, 0, 1, 1}, {1, 2}, 2);
  const Tensor x = noise({1, 4, 9, 7}), w = noise({6, 2, 3, 2}, 2);
  const auto y = run_node(forward, {x, w});
  ASSERT_TRUE(y.ok());
  const Tensor g = noise((*y)[0].tensor.shape(), 3);
  Node backward = forward;
  backward.op_type = "ConvTranspose";
  const auto back = run_node(backward, {g, w});
  ASSERT_TRUE(back.ok()) << back.error().text();
  ASSERT_EQ((*back)[0].tensor.shape(), x.shape());
  const auto dot = [](const Tensor& a, const Tensor& b) {
    double sum = 0;
    for (size_t i = 0; i < a.data<float>().size(); ++i)
      sum += double(a.data<float>()[i]) * b.data<float>()[i];
    return sum;
  };
  EXPECT_NEAR(dot((*y)[0].tensor, g), dot(x, (*back)[0].tensor), 1e-4);
}

TEST(FusedConv, AddsResidualBeforeTheActivation) {
  const Tensor x = noise({1, 3, 4, 4}), w = noise({2, 3, 3, 3}, 2), b = noise({2}, 3),
               z = noise({1, 2, 2, 2}, 4);
  const auto plain = run_node(make_node("Conv", 22), {x, w, b});
  Node node = make_node("FusedConv", 1, "lathe");
  node.attributes.set("activation", std::string("Relu"));
  const auto fused = run_node(node, {x, w, b, z});
  ASSERT_TRUE(plain.ok() && fused.ok());
  for (size_t i = 0; i < 8; ++i)
    EXPECT_FLOAT_EQ((*fused)[0].tensor.data<float>()[i],
                    std::max(0.0f, (*plain)[0].tensor.data<float>()[i] + z.data<float>()[i]));
}

TEST(Window, SymbolicSizesFollowTheSameRules) {
  Node node = make_node("MaxPool", 22);
  node.attributes.set("kernel_shape", std::vector<int64_t>{3});
  node.attributes.set("strides", std::vector<int64_t>{2});
  const Dims symbolic{Dim(2) * Dim::symbol("n") + Dim(1)};
  const auto out = window_output(node, symbolic);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ((*out)[0].text(), "n");
  node.attributes.set("auto_pad", std::string("SAME_UPPER"));
  EXPECT_EQ((*window_output(node, Dims{Dim(2) * Dim::symbol("n")}))[0].text(), "n");
}

TEST(Window, CeilModeDropsWindowsThatStartInThePadding) {
  Node node = make_node("MaxPool", 22);
  node.attributes.set("kernel_shape", std::vector<int64_t>{2});
  node.attributes.set("strides", std::vector<int64_t>{2});
  node.attributes.set("pads", std::vector<int64_t>{1, 1});
  node.attributes.set("ceil_mode", int64_t{1});
  const auto y = run_node(node, {Tensor::from<float>({1, 1, 5}, {1, 2, 3, 4, 5})});
  ASSERT_TRUE(y.ok());
  expect_near((*y)[0].tensor, Tensor::from<float>({1, 1, 3}, {1, 3, 5}), 0);
}

}  // namespace
}  // namespace lathe::test
