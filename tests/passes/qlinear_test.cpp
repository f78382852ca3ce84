// SPDX-License-Identifier: Apache-2.0
// Models in the operator-oriented form of quantisation become what models with QuantizeLinear and
// DequantizeLinear become, and give the same to within a step.
#include "engine/kernels/narrow.h"
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

/// Engines with and without fusing agree to this: integers to a step.
constexpr double a_step = 1.0;

class QLinearMaker : public Maker {
 public:
  template <class T>
  ValueId numbers(const Shape& shape, int32_t low = -127, int32_t high = 127) {
    Tensor tensor = Tensor::allocate(element_type_of<T>, shape).value();
    for (T& element : tensor.mutable_data<T>()) {
      seed_ = seed_ * 1664525U + 1013904223U;
      element = static_cast<T>(low + static_cast<int32_t>((seed_ >> 8) % static_cast<uint32_t>(high - low)));
    }
    return constant(std::move(tensor));
  }
  template <class T>
  ValueId number(T value) {
    return constant(Tensor::scalar(value));
  }
  /// Scales that fall along the channels.
  ValueId scales(int64_t channels, float first) {
    Tensor tensor = Tensor::allocate(ElementType::f32, {channels}).value();
    for (int64_t i = 0; i < channels; ++i)
      tensor.mutable_data<float>()[static_cast<size_t>(i)] = first / static_cast<float>(i + 1);
    return constant(std::move(tensor));
  }
  ValueId quantized(const Shape& shape) {
    return node("QuantizeLinear", {input(shape), number(0.01F), number(uint8_t{117})});
  }
  /// u8 data, i8 weights with a scale per channel, i32 bias.
  ValueId conv(ValueId x, int64_t in, int64_t out, float y_scale, uint8_t y_zero,
               const std::map<std::string, AttributeValue>& attributes = {}) {
    return node("QLinearConv",
                {x, number(0.01F), number(uint8_t{117}), numbers<int8_t>({out, in, 3, 3}), scales(out, 0.01F),
                 constant(zeros(out)), number(y_scale), number(y_zero), numbers<int32_t>({out}, -9000, 9000)},
                attributes);
  }
  ValueId microsoft(const std::string& op, std::vector<ValueId> inputs,
                    const std::map<std::string, AttributeValue>& attributes = {}) {
    const ValueId made = node(op, std::move(inputs), attributes);
    GraphEditor editor(graph);
    Node again = graph.node(graph.value(made).producer);
    editor.remove_node(again.id);
    again.domain = "com.microsoft";
    again.version = 1;
    editor.add_node(std::move(again));
    return made;
  }
  static Tensor zeros(int64_t count) {
    Tensor tensor = Tensor::allocate(ElementType::i8, {count}).value();
    for (int8_t& element : tensor.mutable_data<int8_t>()) element = 0;
    return tensor;
  }

 private:
  uint32_t seed_ = 5;
};

void expect_lowered(const Graph& graph, const std::vector<std::string>& wanted) {
  if (multiplies_8bit()) return expect_becomes(graph, wanted, a_step);
  expect_same_results(graph, a_step);
}

const std::map<std::string, AttributeValue> padded{{"pads", std::vector<int64_t>{1, 1, 1, 1}}};

TEST(QLinearPasses, ConvolutionWithBiasIsOneStep) {
  QLinearMaker m;
  m.output(m.conv(m.quantized({1, 4, 9, 9}), 4, 8, 0.05F, 100, padded));
  expect_lowered(m.graph, {"QuantizeLinear", "lathe.QuantizedConv"});
}

TEST(QLinearPasses, SumOfConvolutionsJoinsTheLaterOne) {
  QLinearMaker m;
  const ValueId x = m.quantized({1, 4, 9, 9});
  const ValueId a = m.conv(x, 4, 4, 0.05F, 100, padded), b = m.conv(a, 4, 4, 0.06F, 90, padded);
  m.output(m.microsoft("QLinearAdd", {a, m.number(0.05F), m.number(uint8_t{100}), b, m.number(0.06F),
                                      m.number(uint8_t{90}), m.number(0.08F), m.number(uint8_t{110})}));
  expect_lowered(m.graph, {"QuantizeLinear", "lathe.QuantizedConv", "lathe.QuantizedConv"});
}

TEST(QLinearPasses, UnsignedWeightsWithAZeroPointAreCentred) {
  QLinearMaker m;
  m.output(m.node("QLinearMatMul", {m.quantized({2, 5, 16}), m.number(0.01F), m.number(uint8_t{117}),
                                    m.numbers<uint8_t>({16, 6}, 0, 255), m.number(0.01F),
                                    m.number(uint8_t{128}), m.number(0.05F), m.number(uint8_t{100})}));
  expect_lowered(m.graph, {"QuantizeLinear", "lathe.QuantizedMatMul"});
}

TEST(QLinearPasses, SignedResultAndScalesOfColumns) {
  QLinearMaker m;
  m.output(m.node(
      "QLinearMatMul",
      {m.quantized({5, 16}), m.number(0.01F), m.number(uint8_t{117}), m.numbers<int8_t>({16, 6}),
       m.scales(6, 0.01F), m.constant(QLinearMaker::zeros(6)), m.number(0.02F), m.number(int8_t{-7})}));
  expect_lowered(m.graph, {"QuantizeLinear", "lathe.QuantizedMatMul"});
}

TEST(QLinearPasses, RowScalesAndScalesMadeAtRunTimeStay) {
  QLinearMaker m;
  const ValueId x = m.quantized({5, 16}), w = m.numbers<int8_t>({16, 6});
  Tensor row_zeros = Tensor::allocate(ElementType::u8, {5}).value();
  for (uint8_t& zero : row_zeros.mutable_data<uint8_t>()) zero = 117;
  m.output(m.node("QLinearMatMul", {x, m.scales(5, 0.01F), m.constant(row_zeros), w, m.number(0.01F),
                                    m.number(int8_t{0}), m.number(0.05F), m.number(uint8_t{100})}));
  m.output(m.node("QLinearMatMul", {x, m.input({}), m.number(uint8_t{117}), w, m.number(0.01F),
                                    m.number(int8_t{0}), m.number(0.05F), m.number(uint8_t{100})}));
  expect_lowered(m.graph, {"QuantizeLinear", "QLinearMatMul", "QLinearMatMul"});
}

TEST(QLinearPasses, GemmWithTransposedWeightsAlphaAndBias) {
  QLinearMaker m;
  m.output(m.microsoft("QGemm",
                       {m.quantized({5, 16}), m.number(0.01F), m.number(uint8_t{117}),
                        m.numbers<int8_t>({6, 16}), m.scales(6, 0.01F), m.constant(QLinearMaker::zeros(6)),
                        m.numbers<int32_t>({6}, -900, 900), m.number(0.05F), m.number(uint8_t{100})},
                       {{"transB", int64_t{1}}, {"alpha", 1.5F}}));
  expect_lowered(m.graph, {"QuantizeLinear", "lathe.QuantizedMatMul"});
}

/// The chain of dynamic quantisation from a quantised tensor's three values.
ValueId real_product(QLinearMaker& m, ValueId stored, ValueId scale, ValueId zero, ValueId w_scale,
                     int64_t columns) {
  const ValueId sums = m.node(
      "MatMulInteger", {stored, m.numbers<int8_t>({16, columns}), zero, m.constant(QLinearMaker::zeros(1))});
  const ValueId real = m.node("Cast", {sums}, {{"to", int64_t{1}}});
  return m.node("Mul", {real, m.node("Mul", {scale, w_scale})});
}

TEST(QLinearPasses, DynamicQuantisationIsTwoSteps) {
  QLinearMaker m;
  const ValueId x = m.input({2, 5, 16});
  m.output(m.microsoft("DynamicQuantizeMatMul", {x, m.numbers<int8_t>({16, 6}), m.scales(6, 0.01F)}));
  expect_becomes(m.graph, {"DynamicQuantizeLinear", "com.microsoft.MatMulIntegerToFloat"});
}

TEST(QLinearPasses, CastScalesAndBiasJoinTheIntegerProduct) {
  QLinearMaker m;
  const ValueId x = m.quantized({2, 5, 16}), scale = m.input({});
  const ValueId product = real_product(m, x, scale, m.number(uint8_t{117}), m.scales(6, 0.01F), 6);
  m.output(m.node("Add", {m.weights({6}), product}));
  expect_becomes(m.graph, {"QuantizeLinear", "com.microsoft.MatMulIntegerToFloat"});
}

TEST(QLinearPasses, SumsThatSomebodyElseReadsStayIntegers) {
  QLinearMaker m;
  const ValueId x = m.quantized({5, 16});
  const ValueId sums =
      m.node("MatMulInteger", {x, m.numbers<int8_t>({16, 6}), m.number(uint8_t{117}), m.number(int8_t{0})});
  m.output(sums);
  m.output(m.node("Mul", {m.node("Cast", {sums}, {{"to", int64_t{1}}}), m.number(0.01F)}));
  expect_becomes(m.graph, {"QuantizeLinear", "MatMulInteger", "Cast", "Mul"});
}

}  // namespace
}  // namespace lathe
