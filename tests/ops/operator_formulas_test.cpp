// SPDX-License-Identifier: Apache-2.0
// Operators that ONNX Runtime lacks on a CPU, and inputs on which it departs from the specification, against
// formulas written out here.
#include <cmath>

#include "tests/ops/ml_refusal.h"

namespace lathe::test {
namespace {

constexpr const char* contrib = "com.microsoft";

/// Output 0, which must be there.
Tensor run_one(const Node& node, const std::vector<Tensor>& inputs) {
  const auto out = run_node(node, inputs);
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().text());
  return out.ok() ? (*out)[0].tensor : Tensor();
}

void expect_values(const Tensor& got, const Shape& shape, const std::vector<double>& values,
                   double tolerance) {
  ASSERT_EQ(got.shape(), shape);
  const std::vector<double> numbers = got.to_double();
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i]))
      EXPECT_TRUE(std::isnan(numbers[i])) << i;
    else
      EXPECT_NEAR(numbers[i], values[i], tolerance) << i;
  }
}

/// (x - mean) / sqrt(mean of squares + epsilon) over rows of `width`; the mean is left out when not
/// `centred`.
std::vector<double> normalised_rows(const Tensor& x, size_t width, bool centred, double epsilon) {
  std::vector<double> out = x.to_double();
  for (size_t row = 0; row < out.size(); row += width) {
    double mean = 0, square = 0;
    for (size_t i = row; i < row + width; ++i) mean += out[i] / static_cast<double>(width);
    for (size_t i = row; i < row + width; ++i) {
      if (centred) out[i] -= mean;
      square += out[i] * out[i] / static_cast<double>(width);
    }
    for (size_t i = row; i < row + width; ++i) out[i] /= std::sqrt(square + epsilon);
  }
  return out;
}

TEST(MsLayerNormalization, IsThatOfOnnx) {
  const Tensor x = noise({2, 3, 4}), scale = noise({4}, 2), bias = noise({4}, 3);
  Node node = make_node("LayerNormalization", 1, contrib);
  node.attributes.set("epsilon", 0.01F);
  std::vector<double> expected = normalised_rows(x, 4, true, 0.01);
  for (size_t i = 0; i < expected.size(); ++i)
    expected[i] = expected[i] * scale.to_double()[i % 4] + bias.to_double()[i % 4];
  expect_values(run_one(node, {x, scale, bias}), {2, 3, 4}, expected, 1e-5);
}

TEST(MsSimplifiedLayerNormalization, LeavesOutTheMean) {
  const Tensor x = noise({5, 3}), scale = noise({3}, 2);
  Node node = make_node("SimplifiedLayerNormalization", 1, contrib);
  node.attributes.set("epsilon", 0.01F);
  std::vector<double> expected = normalised_rows(x, 3, false, 0.01);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] *= scale.to_double()[i % 3];
  expect_values(run_one(node, {x, scale}), {5, 3}, expected, 1e-5);
}

/// y[n, h, w, m] = relu(sum over kernel and channels + bias[m] + z): stride 2 down, 1 across, padded above.
TEST(MsNhwcFusedConv, ConvolvesChannelsLast) {
  const int64_t height = 5, width = 4, channels = 2, filters = 3, rows = 3, columns = 3;
  const Tensor x = noise({1, height, width, channels}), w = noise({filters, channels, 3, 2}, 2),
               bias = noise({filters}, 3), z = noise({1, rows, columns, filters}, 4);
  Node node = make_node("NhwcFusedConv", 1, contrib);
  node.attributes.set("strides", std::vector<int64_t>{2, 1});
  node.attributes.set("pads", std::vector<int64_t>{1, 0, 1, 0});
  node.attributes.set("activation", std::string("Relu"));
  const auto xs = x.to_double(), ws = w.to_double(), bs = bias.to_double(), zs = z.to_double();
  std::vector<double> expected;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t m = 0; m < filters; ++m) {
        double sum = bs[static_cast<size_t>(m)] + zs[static_cast<size_t>((i * columns + j) * filters + m)];
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t a = 0; a < 3; ++a)
            for (int64_t b = 0; b < 2; ++b) {
              const int64_t row = 2 * i - 1 + a, column = j + b;
              if (row < 0 || row >= height) continue;
              sum += xs[static_cast<size_t>((row * width + column) * channels + c)] *
                     ws[static_cast<size_t>(((m * channels + c) * 3 + a) * 2 + b)];
            }
        expected.push_back(std::max(sum, 0.0));
      }
  expect_values(run_one(node, {x, w, bias, z}), {1, rows, columns, filters}, expected, 1e-5);
}

TEST(MsNhwcFusedConv, RefusesWhatDoesNotFit) {
  const Node node = make_node("NhwcFusedConv", 1, contrib);
  expect_refused(node, {noise({1, 4}), noise({3, 2, 3, 3})}, "spatial axes");
  expect_refused(node, {noise({1, 4, 4, 3}), noise({3, 2, 3, 3})}, "3");
}

TEST(MsDynamicQuantizeLSTM, RefusesWeightsAndParametersThatDoNotFit) {
  Node node = make_node("DynamicQuantizeLSTM", 1, contrib);
  node.attributes.set("hidden_size", int64_t{1});
  const Tensor x = noise({2, 1, 2}), w = Tensor::from<uint8_t>({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}),
               r = Tensor::from<uint8_t>({1, 1, 4}, {1, 2, 3, 4}), scale = Tensor::from<float>({1}, {0.1F}),
               zero = Tensor::from<uint8_t>({1}, {0}), none;
  const auto inputs = [&](const Tensor& weights, const Tensor& w_scale, const Tensor& w_zero) {
    return std::vector<Tensor>{x, weights, r, none, none, none, none, none, w_scale, w_zero, scale, zero};
  };
  ASSERT_TRUE(run_node(node, inputs(w, scale, zero), 3).ok());
  expect_refused(node, inputs(w, noise({3}), zero), "do not fit weights of shape 1x2x4");
  expect_refused(node, inputs(w, scale, Tensor::from<int8_t>({1}, {0})), "do not fit");
  expect_refused(node, inputs(noise({1, 2, 4}), scale, noise({1})), "f32");
  expect_refused(node, inputs(w.reshaped({1, 1, 8}), scale, zero), "W has shape");
}

/// [batch, length, heads, parts, size] of the parts given one by one as [batch, length, heads * size].
Tensor packed(const std::vector<Tensor>& parts, int64_t heads) {
  const int64_t batch = parts[0].dim(0), length = parts[0].dim(1), size = parts[0].dim(2) / heads;
  const auto count = static_cast<int64_t>(parts.size());
  std::vector<float> out;
  for (int64_t row = 0; row < batch * length * heads; ++row)
    for (int64_t part = 0; part < count; ++part)
      for (int64_t i = 0; i < size; ++i)
        out.push_back(parts[static_cast<size_t>(part)].data<float>()[static_cast<size_t>(row * size + i)]);
  return Tensor::from<float>({batch, length, heads, count, size}, std::span<const float>(out));
}

TEST(MsMultiHeadAttention, PackedInputsAreTheSameAsSeparateOnes) {
  const Tensor q = noise({2, 3, 8}), k = noise({2, 3, 8}, 2), v = noise({2, 3, 8}, 3);
  Node node = make_node("MultiHeadAttention", 1, contrib);
  node.attributes.set("num_heads", int64_t{2});
  const Tensor expected = run_one(node, {q, k, v});
  expect_near(run_one(node, {packed({q, k, v}, 2)}), expected, 1e-6);
  expect_near(run_one(node, {q, packed({k, v}, 2)}), expected, 1e-6);
}

TEST(MsGroupQueryAttention, NormalisesQueriesAndKeysOnRequest) {
  const Tensor q = noise({1, 3, 8}), k = noise({1, 3, 4}, 2), v = noise({1, 3, 4}, 3),
               totals = Tensor::from<int32_t>({1}, {2}), total = Tensor::from<int32_t>({1}, {3}),
               ones = Tensor::from<float>({4}, {1, 1, 1, 1}),
               halves = Tensor::from<float>({4}, {0.5F, 1, 2, 1});
  Node node = make_node("GroupQueryAttention", 1, contrib);
  node.attributes.set("num_heads", int64_t{2});
  node.attributes.set("kv_num_heads", int64_t{1});
  node.attributes.set("qk_norm_epsilon", 0.01F);
  const auto scaled = [](const Tensor& x, const Tensor& weights) {
    std::vector<double> rows = normalised_rows(x, 4, false, 0.01);
    std::vector<float> out;
    for (size_t i = 0; i < rows.size(); ++i)
      out.push_back(static_cast<float>(rows[i] * weights.to_double()[i % 4]));
    return Tensor::from<float>(x.shape(), std::span<const float>(out));
  };
  const Tensor none;
  const Tensor expected = run_one(node, {scaled(q, halves), scaled(k, ones), v, none, none, totals, total});
  expect_near(run_one(node, {q, k, v, none, none, totals, total, none, none, none, none, none, none, none,
                             halves, ones}),
              expected, 1e-6);
}

TEST(MsGroupQueryAttention, RefusesWhatItDoesNotHave) {
  Node node = make_node("GroupQueryAttention", 1, contrib);
  node.attributes.set("num_heads", int64_t{2});
  node.attributes.set("kv_num_heads", int64_t{1});
  const Tensor none, totals = Tensor::from<int32_t>({1}, {2}), total = Tensor::from<int32_t>({1}, {3});
  std::vector<Tensor> inputs{noise({1, 3, 8}), noise({1, 3, 4}), noise({1, 3, 4}), none, none, totals, total};
  ASSERT_TRUE(run_node(node, inputs).ok());
  node.attributes.set("kv_cache_bit_width", int64_t{8});
  expect_refused(node, inputs, "quantised cache");
  node.attributes.erase("kv_cache_bit_width");
  inputs.insert(inputs.end(), {none, none, none, none, noise({3})});
  expect_refused(node, inputs, "head_sink of shape 3");
  inputs.back() = none;
  inputs.insert(inputs.end(), {none, none, noise({5}), noise({4})});
  expect_refused(node, inputs, "norm weights of shape 5");
}

/// Those of version 25, which ONNX Runtime does not have, are the same as a mask.
TEST(Attention, WindowsAreMasks) {
  const Tensor q = noise({1, 2, 4, 3}), k = noise({1, 2, 4, 3}, 2), v = noise({1, 2, 4, 3}, 3);
  for (const auto& [left, right] : {std::pair<int64_t, int64_t>{1, 0}, {0, 2}, {-1, 1}, {2, -1}, {-1, -1}}) {
    std::vector<float> mask;
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 4; ++j)
        mask.push_back((left >= 0 && i - j > left) || (right >= 0 && j - i > right) ? -1e30F : 0.0F);
    Node node = make_node("Attention", 25);
    const Tensor expected =
        run_one(node, {q, k, v, Tensor::from<float>({4, 4}, std::span<const float>(mask))});
    node.attributes.set("left_window_size", left);
    node.attributes.set("right_window_size", right);
    expect_near(run_one(node, {q, k, v}), expected, 1e-6);
  }
}

TEST(Pad, WrapsMoreThanOnce) {
  Node node = make_node("Pad", 19);
  node.attributes.set("mode", std::string("wrap"));
  const Tensor x = Tensor::from<float>({3}, {1, 2, 3}), pads = Tensor::from<int64_t>({2}, {4, 5});
  expect_values(run_one(node, {x, pads}), {12}, {3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2}, 0);
}

TEST(ReduceMax, NotANumberSpreads) {
  const double nan = std::nan("");
  const Tensor x = Tensor::from<float>({2, 2}, {1, std::nanf(""), 3, 4}),
               axes = Tensor::from<int64_t>({1}, {1});
  expect_values(run_one(make_node("ReduceMax", 20), {x, axes}), {2, 1}, {nan, 4}, 0);
  expect_values(run_one(make_node("ReduceMin", 20), {x, axes}), {2, 1}, {nan, 3}, 0);
}

TEST(ReduceLogSumExp, OfIntegersIsCutAfterTheLogarithm) {
  const Tensor x = Tensor::from<int32_t>({1, 5}, {1, -2, 3, 0, 2}), axes = Tensor::from<int64_t>({1}, {1});
  // log(e + e^-2 + e^3 + 1 + e^2) = 3.4448
  expect_values(run_one(make_node("ReduceLogSumExp", 18), {x, axes}), {1, 1}, {3}, 0);
}

TEST(Cast, ToFloat8RoundsBeforeItLooksAtTheRange) {
  Node node = make_node("Cast", 19);
  node.attributes.set("to", int64_t{17});
  const Tensor x = Tensor::from<float>({4}, {448, 464, 465, -480});
  const auto bits = [&](int64_t saturate) {
    node.attributes.set("saturate", saturate);
    const Tensor out = run_one(node, {x});
    std::vector<int> got;
    for (const F8E4M3FN element : out.data<F8E4M3FN>()) got.push_back(element.bits);
    return got;
  };
  EXPECT_EQ(bits(0), (std::vector<int>{0x7e, 0x7e, 0x7f, 0xff}));
  EXPECT_EQ(bits(1), (std::vector<int>{0x7e, 0x7e, 0x7e, 0xfe}));
}

}  // namespace
}  // namespace lathe::test
