// SPDX-License-Identifier: Apache-2.0
// Products with weights stored in 8 or 4 bits keep them so and take their bias; near misses do not.
#include "tests/passes/pass_test_graph.h"

namespace lathe {
namespace {

class WeightOnlyMaker : public Maker {
 public:
  /// Dequantised i8 weights with a scale per position of `axis`.
  ValueId weights_8bit(const Shape& shape, int64_t axis) {
    const auto channels = shape[static_cast<size_t>(axis)];
    Tensor scales = Tensor::allocate(ElementType::f32, {channels}).value();
    for (int64_t i = 0; i < channels; ++i)
      scales.mutable_data<float>()[static_cast<size_t>(i)] = 0.01F / static_cast<float>(i + 1);
    Tensor stored = Tensor::allocate(ElementType::i8, shape).value();
    int32_t next = 11;
    for (int8_t& element : stored.mutable_data<int8_t>())
      element = static_cast<int8_t>(next = next * 37 % 127);
    return node("DequantizeLinear", {constant(stored), constant(scales)}, {{"axis", axis}});
  }
  /// MatMulNBits of weights [depth, columns] in blocks of 16.
  ValueId nbits(ValueId x, int64_t depth, int64_t columns) {
    const int64_t blocks = (depth + 15) / 16;
    Tensor stored = Tensor::allocate(ElementType::u8, {columns, blocks, 8}).value();
    int32_t next = 11;
    for (uint8_t& element : stored.mutable_data<uint8_t>())
      element = static_cast<uint8_t>(next = next * 37 % 251);
    const ValueId output =
        node("MatMulNBits", {x, constant(stored), weights({columns * blocks}, 0.1F, 0.1F)},
             {{"K", depth}, {"N", columns}, {"bits", int64_t{4}}, {"block_size", int64_t{16}}});
    Node made = graph.node(graph.value(output).producer);
    GraphEditor editor(graph);
    editor.remove_node(made.id);
    made.domain = "com.microsoft";
    made.version = 1;
    editor.add_node(std::move(made));
    return output;
  }
};

TEST(WeightOnlyPasses, MatMulKeepsItsWeightsAndTakesTheBias) {
  WeightOnlyMaker m;
  const ValueId x = m.input({1, 3, 40});
  m.output(m.node("Add", {m.weights({1, 1, 24}), m.node("MatMul", {x, m.weights_8bit({40, 24}, 1)})}));
  expect_becomes(m.graph, {"lathe.WeightOnlyMatMul"});
}

TEST(WeightOnlyPasses, GemmOfEitherOrientation) {
  WeightOnlyMaker m;
  const ValueId x = m.input({3, 40});
  m.output(m.node("Gemm", {x, m.weights_8bit({24, 40}, 0), m.weights({24})}, {{"transB", int64_t{1}}}));
  m.output(m.node("Gemm", {x, m.weights_8bit({40, 24}, 1)}));
  expect_becomes(m.graph, {"lathe.WeightOnlyMatMul", "lathe.WeightOnlyMatMul"});
}

TEST(WeightOnlyPasses, FourBitProductTakesTheBias) {
  WeightOnlyMaker m;
  m.output(m.node("Add", {m.nbits(m.input({1, 9, 50}), 50, 24), m.weights({24})}));
  expect_becomes(m.graph, {"com.microsoft.MatMulNBits"});
}

TEST(WeightOnlyPasses, ASumThatIsNoBiasStays) {
  WeightOnlyMaker m;
  const ValueId a = m.nbits(m.input({4, 50}), 50, 24),
                b = m.node("MatMul", {m.input({4, 40}), m.weights_8bit({40, 24}, 1)});
  m.output(m.node("Add", {a, m.weights({4, 24})}));
  m.output(m.node("Add", {b, m.weights({4, 1})}));
  expect_becomes(m.graph, {"Add", "Add", "com.microsoft.MatMulNBits", "lathe.WeightOnlyMatMul"});
}

TEST(WeightOnlyPasses, ScalesAlongTheDepthAreUnfolded) {
  WeightOnlyMaker m;
  m.output(m.node("MatMul", {m.input({4, 40}), m.weights_8bit({40, 24}, 0)}));
  expect_becomes(m.graph, {"MatMul"});
}

TEST(WeightOnlyPasses, ScaledGemmIsUnfolded) {
  WeightOnlyMaker m;
  m.output(m.node("Gemm", {m.input({4, 40}), m.weights_8bit({40, 24}, 1)}, {{"alpha", 2.0F}}));
  expect_becomes(m.graph, {"Gemm"});
}

}  // namespace
}  // namespace lathe
