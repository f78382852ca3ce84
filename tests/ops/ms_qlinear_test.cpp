// SPDX-License-Identifier: Apache-2.0
// com.microsoft's quantised operators. Expected values were computed with ONNX Runtime, those of
// QLinearReduceMean, which it cannot run, by hand.
#include "tests/ops/ml_refusal.h"

namespace lathe::test {
namespace {

constexpr const char* domain = "com.microsoft";

Tensor scale(float value) {
  return Tensor::scalar(value);
}
Tensor zero(uint8_t value) {
  return Tensor::scalar(value);
}
Tensor signed_zero(int8_t value) {
  return Tensor::scalar(value);
}

const Tensor& bytes() {
  static const Tensor tensor = Tensor::from<uint8_t>({2, 4}, {10, 200, 30, 7, 0, 255, 128, 131});
  return tensor;
}
const Tensor& column() {
  static const Tensor tensor = Tensor::from<uint8_t>({2, 1}, {10, 0});
  return tensor;
}
const Tensor& signed_bytes() {
  static const Tensor tensor = Tensor::from<int8_t>({2, 4}, {-118, 72, -98, -121, -128, 127, 0, 3});
  return tensor;
}

void expect(const Node& node, const std::vector<Tensor>& inputs, const Shape& shape,
            const std::vector<int64_t>& values) {
  const auto out = run_node(node, inputs);
  ASSERT_TRUE(out.ok()) << out.error().text();
  EXPECT_EQ((*out)[0].tensor.shape(), shape);
  EXPECT_EQ((*out)[0].tensor.to_int64(), values);
}

TEST(QLinear, AddAndMulBroadcast) {
  const Node add = make_node("QLinearAdd", 1, domain), mul = make_node("QLinearMul", 1, domain);
  expect(add, {bytes(), scale(0.02F), zero(3), column(), scale(0.05F), zero(100), scale(0.03F), zero(90)},
         {2, 4}, {0, 71, 0, 0, 0, 91, 7, 9});
  expect(mul, {bytes(), scale(0.02F), zero(3), column(), scale(0.05F), zero(100), scale(0.1F), zero(90)},
         {2, 4}, {84, 0, 66, 86, 93, 0, 0, 0});
  expect(add,
         {signed_bytes(), scale(0.02F), signed_zero(3), Tensor::from<int8_t>({2, 1}, {-118, -128}),
          scale(0.05F), signed_zero(-10), scale(0.04F), signed_zero(-20)},
         {2, 4}, {-128, -120, -128, -128, -128, -106, -128, -128});
}

TEST(QLinear, ActivationsOfBothSigns) {
  Node sigmoid = make_node("QLinearSigmoid", 1, domain), leaky = make_node("QLinearLeakyRelu", 1, domain);
  leaky.attributes.set("alpha", 0.25F);
  const float unit = 1.0F / 256;
  expect(sigmoid, {bytes(), scale(0.03F), zero(128), scale(unit), zero(0)}, {2, 4},
         {7, 230, 13, 7, 5, 250, 128, 134});
  expect(sigmoid, {signed_bytes(), scale(0.03F), signed_zero(0), scale(unit), signed_zero(-128)}, {2, 4},
         {-121, 102, -115, -121, -123, 122, 0, 6});
  expect(leaky, {bytes(), scale(0.1F), zero(100), scale(0.05F), zero(10)}, {2, 4},
         {0, 210, 0, 0, 0, 255, 66, 72});
}

TEST(QLinear, SoftmaxOfBothKinds) {
  Node node = make_node("QLinearSoftmax", 1, domain);
  node.attributes.set("opset", int64_t{13});
  node.attributes.set("axis", int64_t{0});
  const std::vector<Tensor> parameters{scale(0.01F), zero(128), scale(1.0F / 256), zero(0)};
  const auto with = [&](const Tensor& x) {
    std::vector<Tensor> inputs{x};
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
    return inputs;
  };
  expect(node, with(bytes()), {2, 4}, {134, 94, 70, 57, 122, 162, 186, 199});
  node.attributes.set("opset", int64_t{12});
  node.attributes.set("axis", int64_t{1});
  expect(node, with(bytes().reshaped({2, 2, 2})), {2, 2, 2}, {26, 173, 32, 25, 12, 155, 44, 45});
}

TEST(QLinear, WhereAndConcatRequantise) {
  const Tensor condition = Tensor::from<bool>({2, 1}, {true, false});
  const Tensor reversed = Tensor::from<uint8_t>({2, 4}, {7, 30, 200, 10, 131, 128, 255, 0});
  expect(
      make_node("QLinearWhere", 1, domain),
      {condition, bytes(), scale(0.02F), zero(4), reversed, scale(0.03F), zero(10), scale(0.025F), zero(2)},
      {2, 4}, {7, 159, 23, 4, 147, 144, 255, 0});
  Node concat = make_node("QLinearConcat", 1, domain);
  concat.attributes.set("axis", int64_t{1});
  expect(concat, {scale(0.025F), zero(2), bytes(), scale(0.02F), zero(4), column(), scale(0.03F), zero(1)},
         {2, 5}, {7, 159, 23, 4, 13, 0, 203, 101, 104, 1});
  expect_refused(concat, {scale(1), zero(0), bytes(), scale(1), zero(0), bytes()}, "6 inputs");
}

TEST(MsQLinearReduceMean, MeansOfWhatIsStored) {
  Node node = make_node("QLinearReduceMean", 1, domain);
  node.attributes.set("axes", std::vector<int64_t>{-1});
  node.attributes.set("keepdims", int64_t{0});
  // (247 - 4 * 3) * 0.02 / 4 / 0.04 + 1 = 30.375, and (514 - 4 * 3) * 0.02 / 4 / 0.04 + 1 = 63.75.
  expect(node, {bytes(), scale(0.02F), zero(3), scale(0.04F), zero(1)}, {2}, {30, 64});
  node.attributes.set("keepdims", int64_t{1});
  node.attributes.set("axes", std::vector<int64_t>{});
  expect(node, {bytes(), scale(1), zero(0), scale(1), zero(0)}, {1, 1}, {95});
  node.attributes.set("axes", std::vector<int64_t>{5});
  expect_refused(node, {bytes(), scale(1), zero(0), scale(1), zero(0)}, "5");
}

TEST(QLinear, RefusesParametersThatDoNotFit) {
  const Node node = make_node("QLinearSigmoid", 1, domain);
  expect_refused(node, {bytes(), Tensor::from<float>({2}, {1, 2}), zero(0), scale(1), zero(0)}, "scale");
  expect_refused(node, {bytes(), scale(1), signed_zero(0), scale(1), zero(0)}, "zero point");
  expect_refused(node, {bytes(), scale(1), zero(0), scale(1), signed_zero(0)}, "zero point of type i8");
  expect_refused(node, {noise({2}), scale(1), zero(0), scale(1), zero(0)}, "f32");
}

TEST(GatherBlockQuantized, GathersPackedRows) {
  Node node = make_node("GatherBlockQuantized", 1, domain);
  node.attributes.set("block_size", int64_t{16});
  std::vector<uint8_t> data(16);
  for (size_t i = 0; i < 8; ++i) {
    data[i] = static_cast<uint8_t>(i * 5);
    data[i + 8] = static_cast<uint8_t>((i + 24) * 5);
  }
  const Tensor packed = Tensor::from<uint8_t>({2, 8}, std::span<const uint8_t>(data));
  const Tensor scales = Tensor::from<float>({2, 1}, {0.5F, 0.25F}),
               zeros = Tensor::from<uint8_t>({2, 1}, {3, 9});
  const std::vector<Tensor> inputs{packed, Tensor::from<int64_t>({2}, {1, -2}), scales, zeros};
  const auto out = run_node(node, inputs);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {2, 16},
                {-0.25F, -0.5F,  1,    -0.5F, -1.75F, -0.25F, -0.5F, -0.25F, 0.75F, -0.25F, -2,
                 0,      -0.75F, 0,    0.5F,  0,      -1.5F,  -1.5F, 1,      -1.5F, 3.5F,   -1.5F,
                 6,      -1.5F,  0.5F, -1,    3,      -1,     5.5F,  -1,     0,     -0.5F});
  expect_refused(node, {packed, Tensor::from<int64_t>({1}, {2}), scales, zeros}, "index 2");
  expect_refused(node, {packed, Tensor::from<int64_t>({1}, {0}), zeros, zeros}, "");
  expect_refused(node, {packed, Tensor::from<int64_t>({1}, {0}), Tensor::from<float>({2}, {1, 1}), zeros},
                 "scales of shape 2, expected 2x1");
  node.attributes.set("block_size", int64_t{17});
  expect_refused(node, inputs, "block_size = 17");
}

TEST(GatherBlockQuantized, TakesTypesOfFourBits) {
  Node node = make_node("GatherBlockQuantized", 1, domain);
  node.attributes.set("block_size", int64_t{16});
  Tensor data = std::move(Tensor::allocate(ElementType::i4, {2, 32})).value();
  for (size_t i = 0; i < 64; ++i)
    data.mutable_data<I4>()[i] = {static_cast<int8_t>(static_cast<int>(i % 16) - 8)};
  const auto out =
      run_node(node, {data, Tensor::from<int32_t>({1, 1}, {1}), Tensor::from<float>({2, 2}, {1, 2, 3, 4})});
  ASSERT_TRUE(out.ok()) << out.error().text();
  ASSERT_EQ((*out)[0].tensor.shape(), (Shape{1, 1, 32}));
  EXPECT_EQ((*out)[0].tensor.to_double()[1], -21);
  EXPECT_EQ((*out)[0].tensor.to_double()[16], -32);
}

TEST(MatMulBnb4, BothCodes) {
  Tensor a = std::move(Tensor::allocate(ElementType::f32, {1, 16})).value();
  std::vector<uint8_t> b(16);
  for (size_t i = 0; i < 16; ++i) {
    a.mutable_data<float>()[i] = static_cast<float>(i) / 8;
    b[i] = static_cast<uint8_t>(i * 37);
  }
  const std::vector<Tensor> inputs{a, Tensor::from<uint8_t>({16}, std::span<const uint8_t>(b)),
                                   Tensor::from<float>({2}, {0.5F, 2})};
  Node node = make_node("MatMulBnb4", 1, domain);
  node.attributes.set("K", int64_t{16});
  node.attributes.set("N", int64_t{2});
  node.attributes.set("block_size", int64_t{16});
  const std::vector<float> values[] = {{-0.0113931894F, -2.72265625F}, {0.25281021F, -2.42150545F}};
  for (int64_t type = 0; type < 2; ++type) {
    node.attributes.set("quant_type", type);
    const auto out = run_node(node, inputs);
    ASSERT_TRUE(out.ok()) << out.error().text();
    expect_floats((*out)[0].tensor, {1, 2}, values[type], 1e-5);
  }
  node.attributes.set("quant_type", int64_t{2});
  expect_refused(node, inputs, "quant_type");
  node.attributes.set("quant_type", int64_t{1});
  node.attributes.set("N", int64_t{1} << 30);
  expect_refused(node, inputs, "weights of shape 16");
}

TEST(QEmbedLayerNormalization, DequantisesItsTables) {
  Node node = make_node("QEmbedLayerNormalization", 1, domain);
  node.attributes.set("epsilon", 1e-5F);
  const auto table = [](std::initializer_list<uint8_t> rows) { return Tensor::from<uint8_t>({2, 3}, rows); };
  const auto row = [](std::initializer_list<uint8_t> values) { return Tensor::from<uint8_t>({3}, values); };
  const auto pair = [](int32_t a, int32_t b) { return Tensor::from<int32_t>({1, 2}, {a, b}); };
  const std::vector<Tensor> inputs{pair(1, 0),
                                   pair(0, 1),
                                   table({1, 2, 9, 4, 7, 6}),
                                   table({7, 8, 3, 1, 5, 12}),
                                   table({3, 1, 8, 2, 9, 6}),
                                   row({10, 20, 30}),
                                   row({7, 8, 9}),
                                   pair(1, 0),
                                   scale(0.1F),
                                   scale(0.2F),
                                   scale(0.3F),
                                   scale(0.05F),
                                   scale(0.06F),
                                   zero(3),
                                   zero(4),
                                   zero(5),
                                   zero(1),
                                   zero(2)};
  const auto out = run_node(node, inputs, 2);
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {1, 2, 3},
                {0.033156842F, -0.414586395F, 2.46209145F, -0.311428696F, 0.682698488F, 1.89761901F}, 1e-5);
  EXPECT_EQ((*out)[1].tensor.to_int64(), (std::vector<int64_t>{1}));
}

TEST(TransposeMatMul, IsFusedMatMul) {
  Node node = make_node("TransposeMatMul", 1, domain);
  node.attributes.set("transA", int64_t{1});
  node.attributes.set("transB", int64_t{1});
  node.attributes.set("alpha", 0.5F);
  const auto out = run_node(node, {Tensor::from<float>({3, 2}, {0, 1, 2, 3, 4, 5}),
                                   Tensor::from<float>({2, 3}, {0, 1, 2, 3, 4, 5})});
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {2, 2}, {5, 14, 6.5F, 20});
}

}  // namespace
}  // namespace lathe::test
