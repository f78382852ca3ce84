// SPDX-License-Identifier: Apache-2.0
// Graphs with QuantizeLinear and DequantizeLinear become operators on 8-bit tensors, which give the same to
// within a step.
#include "engine/kernels/narrow.h"
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

constexpr float data_scale = 0.02F, weight_step = 0.01F;

/// Without fast 8-bit products the graph is computed in f32, and only the results can be looked at.
void expect_quantized(const Graph& graph, const std::vector<std::string>& wanted, double tolerance) {
  if (multiplies_8bit()) return expect_becomes(graph, wanted, tolerance);
  expect_same_results(graph, tolerance);
}

/// A Maker that knows how exporters spell quantisation.
class QuantizedMaker : public Maker {
 public:
  ValueId quantize(ValueId x, float scale, uint8_t zero) {
    return node("QuantizeLinear", {x, constant(Tensor::scalar(scale)), constant(Tensor::scalar(zero))});
  }
  ValueId dequantize(ValueId x, float scale, uint8_t zero) {
    return node("DequantizeLinear", {x, constant(Tensor::scalar(scale)), constant(Tensor::scalar(zero))});
  }
  ValueId through(ValueId x, float scale, uint8_t zero) {
    return dequantize(quantize(x, scale, zero), scale, zero);
  }

  /// Dequantised i8 weights with a scale per position of `axis`.
  ValueId weights_8bit(const Shape& shape, int64_t axis) {
    const auto channels = shape[static_cast<size_t>(axis)];
    Tensor scales = Tensor::allocate(ElementType::f32, {channels}).value();
    Tensor zeros = Tensor::allocate(ElementType::i8, {channels}).value();
    for (int64_t i = 0; i < channels; ++i) {
      scales.mutable_data<float>()[static_cast<size_t>(i)] = weight_step / static_cast<float>(i + 1);
      zeros.mutable_data<int8_t>()[static_cast<size_t>(i)] = 0;
    }
    return node("DequantizeLinear", {constant(stored<int8_t>(shape)), constant(scales), constant(zeros)},
                {{"axis", axis}});
  }
  /// Dequantised u8 weights whose zero point is 128.
  ValueId weights_u8(const Shape& shape) {
    return dequantize(constant(stored<uint8_t>(shape)), weight_step, 128);
  }

 private:
  template <class T>
  Tensor stored(const Shape& shape) {
    Tensor tensor = Tensor::allocate(element_type_of<T>, shape).value();
    uint32_t seed = 3;
    for (T& element : tensor.mutable_data<T>()) {
      seed = seed * 1664525U + 1013904223U;
      element = static_cast<T>(static_cast<int32_t>(seed >> 25) * 2 - (std::is_signed_v<T> ? 128 : 0));
    }
    return tensor;
  }
};

TEST(QuantizedPasses, ConvolutionWithBiasAndActivationIsOneStep) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 9, 9}), data_scale, 117);
  const ValueId conv = m.node("Conv", {x, m.weights_8bit({8, 4, 3, 3}, 0), m.weights({8})},
                              {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  m.output(m.through(m.node("Relu", {conv}), 0.03F, 0));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedConv", "DequantizeLinear"}, 0.0301);
}

TEST(QuantizedPasses, ActivationThatIsNoCutKeepsRealUnits) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 9, 9}), data_scale, 117);
  const ValueId conv = m.node("Conv", {x, m.weights_8bit({8, 4, 3, 3}, 0)});
  m.output(m.through(m.node("Sigmoid", {conv}), 1.0F / 255, 0));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedConv", "DequantizeLinear"}, 1.001 / 255);
}

TEST(QuantizedPasses, ResidualJoinsTheLaterConvolution) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 9, 9}), data_scale, 117);
  const ValueId a = m.through(m.node("Conv", {x, m.weights_8bit({4, 4, 1, 1}, 0)}), 0.02F, 128);
  const ValueId b = m.through(m.node("Conv", {a, m.weights_8bit({4, 4, 1, 1}, 0)}), 0.01F, 90);
  m.output(m.through(m.node("Relu", {m.node("Add", {b, a})}), 0.02F, 3));
  expect_quantized(
      m.graph, {"QuantizeLinear", "lathe.QuantizedConv", "lathe.QuantizedConv", "DequantizeLinear"}, 0.0201);
}

TEST(QuantizedPasses, MatrixProductTakesBiasAndWeightsWithAZeroPoint) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({2, 5, 16}), data_scale, 117);
  const ValueId product = m.node("MatMul", {x, m.weights_u8({16, 6})});
  m.output(m.through(m.node("Add", {product, m.weights({6})}), 0.05F, 100));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedMatMul", "DequantizeLinear"}, 0.0501);
}

TEST(QuantizedPasses, LeadingAxesOfABiasMayBeOne) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({2, 5, 16}), data_scale, 117);
  const ValueId product = m.node("MatMul", {x, m.weights_u8({16, 6})});
  m.output(m.through(m.node("Add", {product, m.weights({1, 6})}), 0.05F, 100));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedMatMul", "DequantizeLinear"}, 0.0501);
}

TEST(QuantizedPasses, GemmWithTransposedWeights) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({3, 16}), data_scale, 117);
  m.output(m.node("Gemm", {x, m.weights_8bit({6, 16}, 0), m.weights({6})}, {{"transB", int64_t{1}}}));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedMatMul"}, 1e-4);
}

TEST(QuantizedPasses, MovingOperatorsMoveStoredElements) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 8, 8}), data_scale, 117);
  const ValueId pooled = m.through(
      m.node("MaxPool", {x},
             {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}}),
      data_scale, 117);
  const ValueId flat = m.through(m.node("Flatten", {pooled}), data_scale, 117);
  m.output(m.node("Gemm", {flat, m.weights_8bit({6, 64}, 0)}, {{"transB", int64_t{1}}}));
  expect_quantized(m.graph, {"QuantizeLinear", "MaxPool", "Flatten", "lathe.QuantizedMatMul"}, 1e-4);
}

TEST(QuantizedPasses, AnotherScaleBehindAPoolIsARealRequantisation) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 8, 8}), data_scale, 117);
  m.output(m.through(m.node("MaxPool", {x}, {{"kernel_shape", std::vector<int64_t>{2, 2}}}), 0.03F, 117));
  expect_quantized(m.graph,
                   {"QuantizeLinear", "MaxPool", "DequantizeLinear", "QuantizeLinear", "DequantizeLinear"},
                   0.0301);
}

TEST(QuantizedPasses, WeightsOfRealDataBecomeReal) {
  QuantizedMaker m;
  m.output(m.node("Conv", {m.input({1, 4, 9, 9}), m.weights_8bit({8, 4, 3, 3}, 0)}));
  expect_quantized(m.graph, {"Conv"}, 2e-5);
}

TEST(QuantizedPasses, ScalesAlongTheWrongAxisAreNoWeights) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 9, 9}), data_scale, 117);
  m.output(m.node("Conv", {x, m.weights_8bit({8, 4, 3, 3}, 1)}));
  expect_quantized(m.graph, {"QuantizeLinear", "DequantizeLinear", "Conv"}, 2e-5);
}

TEST(QuantizedPasses, OutputThatSomebodyElseReadsStaysReal) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 9, 9}), data_scale, 117);
  const ValueId conv = m.node("Conv", {x, m.weights_8bit({8, 4, 3, 3}, 0)});
  m.output(conv);
  m.output(m.quantize(conv, 0.02F, 128));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedConv", "QuantizeLinear"}, 1.0);
}

/// A real result that is quantised too, behind a function that cuts, is told by what: its ties matter.
TEST(QuantizedPasses, RealOutputKnowsTheQuantisationThatReadsIt) {
  QuantizedMaker m;
  const ValueId x = m.through(m.input({1, 4, 9, 9}), data_scale, 117);
  const ValueId conv = m.node("Conv", {x, m.weights_8bit({8, 4, 3, 3}, 0)});
  m.output(conv);
  m.output(m.quantize(m.node("Relu", {conv}), 0.02F, 128));
  expect_quantized(m.graph, {"QuantizeLinear", "lathe.QuantizedConv", "QuantizeLinear", "Relu"}, 1.0);
  if (!multiplies_8bit()) return;
  Graph optimised = m.graph.clone();
  ASSERT_TRUE(optimize(optimised, {}).ok());
  for (const Node& node : optimised.nodes()) {
    if (!node.alive || node.op_type != "QuantizedConv") continue;
    EXPECT_EQ(node.attributes.get_string("reader_type", ""), "u8");
    EXPECT_FLOAT_EQ(node.attributes.get_float("reader_scale", 0), 0.02F);
    EXPECT_EQ(node.attributes.get_int("reader_zero_point", 0), 128);
  }
}

}  // namespace
}  // namespace lathe
