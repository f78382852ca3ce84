// SPDX-License-Identifier: Apache-2.0
// Values near the middle of two steps fall where the model as written lets them fall: dequantised, multiplied
// and added in f32, in the order of ONNX Runtime's CPU kernels, and quantised. The scales are such that one
// value in 512 is the middle of two steps, but for what f32 rounds.
#include <cmath>
#include <gtest/gtest.h>

#include "engine/ops/fused_quantization.h"
#include "engine/ops/window.h"
#include "tests/kernels/property.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;

struct TieCase {
  const char* name;
  Shape x, w;
  int64_t stride = 1, pad = 0, dilation = 1, groups = 1;
  ElementType data = ElementType::u8;
  bool bias = true, residual = false, between = false, real = false;
};

void PrintTo(const TieCase& test, std::ostream* to) {
  *to << test.name;
}

constexpr float data_scale = 0.0237F, weight_scale = 0.0071F;

Case make_case(const TieCase& from) {
  Random random(5);
  Case made{make_node("QuantizedConv", 1, "lathe"), {}, {}};
  auto& attributes = made.node.attributes;
  attributes.set("strides", Ints{from.stride, from.stride});
  attributes.set("dilations", Ints{from.dilation, from.dilation});
  attributes.set("pads", Ints(4, from.pad));
  attributes.set("group", from.groups);
  const float step = data_scale * weight_scale * 512;
  set_quantization(attributes, "x", {data_scale, from.data == ElementType::u8 ? 117 : 5});
  attributes.set("w_scales", std::vector<float>(static_cast<size_t>(from.w[0]), weight_scale));
  const std::string type = "u8";
  if (from.real) {
    attributes.set("reader_type", type);
    set_quantization(attributes, "reader", {step, 101});
  } else {
    attributes.set("y_type", type);
    set_quantization(attributes, "y", {from.between ? step * 1.37F : step, 101});
  }
  made.inputs = {random.tensor(from.data, from.x), random.tensor(ElementType::i8, from.w)};
  made.inputs.push_back(from.bias ? random.tensor(ElementType::f32, {from.w[0]}) : Tensor());
  // Biases as quantisers write them: whole numbers of the products' unit.
  if (from.bias)
    for (float& element : made.inputs[2].mutable_data<float>())
      element = std::nearbyint(element * 3000) * (data_scale * weight_scale);
  made.constants = {1, 2};
  if (!from.residual) return made;
  const auto conv = resolve_conv(made.node, from.x, from.w);
  made.inputs.push_back(random.tensor(ElementType::u8, conv->output));
  set_quantization(attributes, "residual", {from.between ? 0.031F : 2 * step, 90});
  attributes.set("activation", std::string("Relu"));
  if (from.between) {
    attributes.set("between_type", type);
    set_quantization(attributes, "between", {step, 120});
  }
  return made;
}

std::vector<float> real(const Tensor& stored, const Quantization& by) {
  std::vector<float> made;
  for (const int64_t element : stored.to_int64())
    made.push_back(by.scale * static_cast<float>(element - by.zero_point));
  return made;
}

float steps(float value, const Quantization& by) {
  return std::clamp(std::nearbyint(value / by.scale) + static_cast<float>(by.zero_point), 0.0F, 255.0F);
}

/// A matrix product's sum: fused, in blocks of the depth.
float fused_sum(const std::vector<float>& x, const std::vector<float>& w, size_t block) {
  float sum = 0;
  for (size_t from = 0; from < x.size(); from += block) {
    float part = 0;
    for (size_t k = from; k < std::min(x.size(), from + block); ++k) part = std::fma(x[k], w[k], part);
    sum += part;
  }
  return sum;
}

/// A single row's: four products at a time.
float row_sum(const std::vector<float>& x, const std::vector<float>& w) {
  volatile float sum = 0;  // each rounding is one of the model's
  for (size_t k = 0; k < x.size();) {
    const size_t taken = x.size() - k >= 4 ? 4 : x.size() - k >= 2 ? 2 : 1;
    volatile float part = x[k] * w[k];
    for (size_t i = 1; i < taken; ++i) {
      const volatile float product = x[k + i] * w[k + i];
      part = part + product;
    }
    sum = part + sum;
    k += taken;
  }
  return sum;
}

/// The model as written; `real` outputs as the quantisation that reads them makes of them.
std::vector<float> as_written(const Case& test, const ConvGeometry& conv) {
  const QuantizedOperation operation = *parse_quantized_operation(test.node);
  const auto x = real(test.inputs[0], operation.input), w = real(test.inputs[1], {weight_scale, 0});
  const Window& window = conv.window;
  const int64_t channels = conv.group_channels(), taps = conv.kernel_count(), depth = channels * taps;
  const int64_t pixels = element_count(window.output);
  const size_t block = pixels >= depth ? 128 : pixels <= 32 ? 512 : pixels <= 64 ? 256 : 128;
  std::vector<float> made;
  for (int64_t i = 0; i < element_count(conv.output); ++i) {
    const int64_t column = i % window.output[1], line = i / window.output[1] % window.output[0];
    const int64_t channel = i / pixels % conv.out_channels, image = i / pixels / conv.out_channels;
    const int64_t first = channel / conv.group_outputs() * channels;
    std::vector<float> data, weights;
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t u = k % taps / window.kernel[1], v = k % window.kernel[1];
      const int64_t y = line * window.strides[0] + u * window.dilations[0] - window.pads_begin[0],
                    z = column * window.strides[1] + v * window.dilations[1] - window.pads_begin[1];
      const bool inside = y >= 0 && y < conv.input[0] && z >= 0 && z < conv.input[1];
      const int64_t at = ((image * conv.channels + first + k / taps) * conv.input[0] + y) * conv.input[1] + z;
      data.push_back(inside ? x[static_cast<size_t>(at)] : 0.0F);
      weights.push_back(w[static_cast<size_t>(channel * depth + k)]);
    }
    float value = conv.groups > 1 ? row_sum(data, weights) : fused_sum(data, weights, block);
    if (test.inputs[2].defined()) value += test.inputs[2].data<float>()[static_cast<size_t>(channel)];
    if (operation.between_type != ElementType::undefined)
      value = operation.between.scale *
              (steps(value, operation.between) - static_cast<float>(operation.between.zero_point));
    if (test.inputs.size() > 3) {
      const auto stored = test.inputs[3].data<uint8_t>()[static_cast<size_t>(i)];
      const volatile float residual =
          operation.residual.scale * static_cast<float>(stored - operation.residual.zero_point);
      value = std::max(0.0F, value + residual);
    }
    const bool is_real = operation.output_type == ElementType::f32;
    made.push_back(steps(value, is_real ? operation.reader : operation.output));
  }
  return made;
}

class QuantizedTiesOf : public testing::TestWithParam<TieCase> {};

TEST_P(QuantizedTiesOf, FallAsTheModelSays) {
  if (with_wide_8bit_products(1) == 0) GTEST_SKIP() << "kernels with AVX-512 VNNI only";
  const Case test = make_case(GetParam());
  const auto conv = resolve_conv(test.node, GetParam().x, GetParam().w);
  const ElementType type = GetParam().real ? ElementType::f32 : ElementType::u8;
  const char* name = GetParam().groups > 1 ? "simd:quantized_conv:depthwise" : "simd:quantized_conv";
  const auto got = run_candidate(test, name, type, conv->output);
  ASSERT_TRUE(got.has_value());
  const auto want = as_written(test, *conv);
  const QuantizedOperation operation = *parse_quantized_operation(test.node);
  const auto stored = [&](const Tensor& tensor) {
    std::vector<float> made;
    for (const double element : tensor.to_double())
      made.push_back(GetParam().real ? steps(static_cast<float>(element), operation.reader)
                                     : static_cast<float>(element));
    return made;
  };
  const auto kernel = stored(*got), exact = stored((*run_node(test.node, test.inputs))[0].tensor);
  size_t turned = 0, different = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    different += kernel[i] != want[i] ? 1 : 0;
    turned += exact[i] != want[i] ? 1 : 0;
  }
  EXPECT_EQ(different, 0u) << "of " << want.size();
  EXPECT_GT(turned, 3u) << "of " << want.size() << ": too few to tell";
}

/// Scales that are powers of two make half of all values ties, and f32 exact: then none needs deciding, and
/// not all may be.
TEST(QuantizedTies, WhereEveryOtherValueIsOne) {
  if (with_wide_8bit_products(1) == 0) GTEST_SKIP() << "kernels with AVX-512 VNNI only";
  const TieCase shape{"PowersOfTwo", {1, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, 1, 1, ElementType::u8, false};
  Case test = make_case(shape);
  test.inputs.resize(2);
  test.constants = {1};
  auto& attributes = test.node.attributes;
  set_quantization(attributes, "x", {1.0F / 64, 128});
  attributes.set("w_scales", std::vector<float>{1.0F / 128});
  set_quantization(attributes, "y", {1.0F / 4096, 100});
  for (int8_t& weight : test.inputs[1].mutable_data<int8_t>()) weight = static_cast<int8_t>(weight % 2);
  const auto got = run_candidate(test, "simd:quantized_conv", ElementType::u8, {1, 64, 56, 56});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->to_int64(), (*run_node(test.node, test.inputs))[0].tensor.to_int64());
}

INSTANTIATE_TEST_SUITE_P(
    All, QuantizedTiesOf,
    testing::Values(
        TieCase{"Pointwise", {1, 64, 20, 20}, {48, 64, 1, 1}},
        TieCase{"PointwiseWithoutBias", {2, 40, 12, 12}, {20, 40, 1, 1}, 1, 0, 1, 1, ElementType::u8, false},
        TieCase{"Signed", {1, 64, 20, 20}, {48, 64, 1, 1}, 1, 0, 1, 1, ElementType::i8},
        TieCase{"StridedAndPadded", {1, 16, 43, 43}, {40, 16, 3, 3}, 2, 1},
        TieCase{"ThreeChannels", {1, 3, 57, 57}, {40, 3, 5, 5}, 2, 2},
        TieCase{"Dilated", {1, 24, 30, 30}, {36, 24, 3, 3}, 1, 2, 2},
        TieCase{"DeepAndSmall", {1, 600, 7, 7}, {272, 600, 1, 1}},
        TieCase{"FewRows", {1, 320, 5, 5}, {1600, 320, 1, 1}},
        TieCase{"Residual", {1, 64, 20, 20}, {48, 64, 1, 1}, 1, 0, 1, 1, ElementType::u8, true, true},
        TieCase{"ResidualOfSteps",
                {1, 64, 20, 20},
                {48, 64, 1, 1},
                1,
                0,
                1,
                1,
                ElementType::u8,
                true,
                true,
                true},
        TieCase{"RealOutput",
                {1, 64, 20, 20},
                {48, 64, 1, 1},
                1,
                0,
                1,
                1,
                ElementType::u8,
                true,
                false,
                false,
                true},
        TieCase{"Depthwise", {1, 80, 40, 40}, {80, 1, 3, 3}, 1, 1, 1, 80},
        TieCase{"DepthwiseStrided", {1, 80, 61, 61}, {80, 1, 5, 5}, 2, 2, 1, 80, ElementType::i8},
        TieCase{"DepthwiseRealOutput",
                {1, 80, 40, 40},
                {80, 1, 3, 3},
                1,
                1,
                1,
                80,
                ElementType::u8,
                true,
                false,
                false,
                true}),
    [](const auto& about) { return about.param.name; });

}  // namespace
}  // namespace lathe::test
