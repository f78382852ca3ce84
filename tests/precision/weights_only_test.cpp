// SPDX-License-Identifier: Apache-2.0
// Weights stored in 8 and 4 bits: which are taken and why others are not, what the rewritten models compute
// and how much memory their engines hold.
#include "engine/precision/weights_only.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/runtime/engine.h"
#include "engine/runtime/executor_thread.h"
#include "tests/precision/int8_models.h"

namespace lathe {
namespace {

Tensor normal(Shape shape, uint32_t seed, float scale = 0.1F) {
  return random_tensor(std::move(shape), seed, scale);
}

WeightsRequest stored_in(const Model& model, WeightForm form, int64_t block = 32) {
  WeightsRequest made;
  made.modules.assign(model.modules.modules().size(), {form, block, "nothing is asked for"});
  return made;
}

Model copy_of(const Model& model) {
  Model made = model;
  made.graph = model.graph.clone();
  return made;
}

std::vector<std::string> types_of(const Graph& graph) {
  std::vector<std::string> found;
  for (const Node& node : graph.nodes())
    if (node.alive) found.push_back(node.qualified_type());
  std::sort(found.begin(), found.end());
  return found;
}

/// The outputs, eager-like (no fusing) or by an engine; and the bytes of weights that the engine holds.
struct Ran {
  std::vector<Tensor> outputs;
  size_t weight_bytes = 0;
};
Ran run(const Model& model, bool fuse) {
  return on_executor([&]() -> Ran {
    Graph typed = model.graph.clone();
    apply_types(typed, infer(typed));
    CompileOptions options;
    options.fuse = fuse;
    auto engine = compile(typed, options);
    EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().text());
    if (!engine.ok()) return {};
    std::vector<Tensor> inputs;
    for (const ValueId id : typed.inputs()) {
      const TypeInfo& type = typed.value(id).type;
      Tensor numbers = normal(to_shape(*type.dims), 77, 1);
      if (type.element == ElementType::i64) {
        Tensor picks = std::move(Tensor::allocate(ElementType::i64, numbers.shape())).value();
        for (int64_t i = 0; i < picks.count(); ++i)
          picks.mutable_data<int64_t>()[static_cast<size_t>(i)] = i * 3;
        numbers = picks;
      }
      inputs.push_back(std::move(numbers));
    }
    auto outputs = (*engine)->run(inputs, {});
    EXPECT_TRUE(outputs.ok());
    return {outputs.ok() ? std::move(*outputs) : std::vector<Tensor>(), (*engine)->weight_bytes()};
  });
}

double snr(const Tensor& actual, const Tensor& expected) {
  const auto a = actual.to_double(), b = expected.to_double();
  double signal = 0, noise = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    signal += b[i] * b[i];
    noise += (a[i] - b[i]) * (a[i] - b[i]);
  }
  return 10 * std::log10(signal / noise);
}

void expect_equal(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected, double share) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    const auto a = actual[i].to_double(), b = expected[i].to_double();
    ASSERT_EQ(actual[i].shape(), expected[i].shape());
    const auto [low, high] = std::minmax_element(b.begin(), b.end());
    for (size_t k = 0; k < a.size(); ++k) ASSERT_NEAR(a[k], b[k], share * (*high - *low)) << i << " " << k;
  }
}

/// A table, two products with a bias each, a small product, a product of activations.
ModelMaker network() {
  ModelMaker maker(17);
  maker.input("ids", {1, 5}, ElementType::i64);
  maker.constant("table", normal({40, 200}, 1));
  maker.constant("w", normal({200, 151}, 2));
  maker.constant("b", normal({151}, 3));
  maker.constant("g", normal({97, 151}, 4));
  maker.constant("gb", normal({97}, 5));
  maker.constant("few", normal({97, 8}, 6));
  maker.node("Gather", {"table", "ids"}, "e");
  maker.node("MatMul", {"e", "w"}, "p");
  maker.module("first");
  maker.node("Add", {"p", "b"}, "q");
  maker.module("first");
  maker.constant("shape", Tensor::from<int64_t>({2}, {5, 151}));
  maker.node("Reshape", {"q", "shape"}, "r");
  maker.node("Gemm", {"r", "g", "gb"}, "s", {{"transB", int64_t{1}}});
  maker.module("second");
  maker.node("MatMul", {"s", "few"}, "t");
  maker.node("Transpose", {"t"}, "tt", {{"perm", std::vector<int64_t>{1, 0}}});
  maker.node("MatMul", {"t", "tt"}, "y");
  maker.output("y");
  maker.output("s");
  return maker;
}

void expect_stored(WeightForm form, const std::vector<std::string>& types, double share, double least_snr) {
  const ModelMaker maker = network();
  Model model = copy_of(maker.model);
  PrecisionReport report;
  const Status status = store_weights(model, stored_in(model, form), report);
  ASSERT_TRUE(status.ok()) << status.error().text();
  EXPECT_EQ(types_of(model.graph), types);
  const Ran wide = run(maker.model, true), reference = run(model, false), engine = run(model, true);
  expect_equal(engine.outputs, reference.outputs, 1e-5);
  EXPECT_GT(snr(engine.outputs[1], wide.outputs[1]), least_snr);
  // Panels are filled up and little ones stay; the products themselves are a quarter or an eighth.
  EXPECT_LT(static_cast<double>(engine.weight_bytes), share * static_cast<double>(wide.weight_bytes));
  ASSERT_FALSE(report.notes.empty());
  EXPECT_THAT(report.notes.back().message, testing::HasSubstr("weights of 3 nodes"));
}

TEST(WeightsOnly, Int8IsDequantizeLinearPerChannel) {
  expect_stored(WeightForm::int8,
                {"Add", "DequantizeLinear", "DequantizeLinear", "DequantizeLinear", "Gather", "Gemm",
                 "MatMul", "MatMul", "MatMul", "Reshape", "Transpose"},
                0.40, 38);
}

TEST(WeightsOnly, Int4IsMatMulNBits) {
  expect_stored(WeightForm::int4,
                {"Add", "DequantizeLinear", "Gather", "MatMul", "MatMul", "Reshape", "Transpose",
                 "com.microsoft.MatMulNBits", "com.microsoft.MatMulNBits"},
                0.35, 18);
}

TEST(WeightsOnly, TheReportSaysWhatBecameOfEachProduct) {
  Model model = network().model;
  PrecisionReport report;
  WeightsRequest request = stored_in(model, WeightForm::int4, 64);
  request.modules[model.modules.find("first")->index] = {WeightForm::full, 32, "module 'first' is excluded"};
  ASSERT_TRUE(store_weights(model, request, report).ok());
  EXPECT_EQ(model.opsets.at("com.microsoft"), 1);
  EXPECT_EQ(fact(report, "MatMul:p")->reason, "module 'first' is excluded");
  EXPECT_EQ(fact(report, "Gemm:s")->rule, "weights");
  EXPECT_THAT(fact(report, "Gemm:s")->reason,
              testing::HasSubstr("int4, a scale and a zero point for every 64"));
  EXPECT_EQ(fact(report, "Gemm:s")->op_type, "com.microsoft.MatMulNBits");
  EXPECT_EQ(fact(report, "Gemm:s")->precision, ElementType::f32);
  EXPECT_EQ(fact(report, "MatMul:t")->rule, "few_weights");
  EXPECT_EQ(fact(report, "MatMul:y")->rule, "two_activations");
  for (const NodePrecision& row : report.nodes) EXPECT_EQ(model.graph.node(row.id).name, row.node);
}

TEST(WeightsOnly, WeightsThatSomethingElseReadsStay) {
  ModelMaker maker(17);
  maker.input("x", {1, 128});
  maker.constant("w", normal({128, 128}, 2));
  maker.node("MatMul", {"x", "w"}, "y");
  maker.node("MatMul", {"y", "w"}, "z");
  maker.node("ReduceSum", {"w"}, "sum");
  maker.output("z");
  maker.output("sum");
  PrecisionReport report;
  ASSERT_TRUE(store_weights(maker.model, stored_in(maker.model, WeightForm::int8), report).ok());
  EXPECT_EQ(fact(report, "MatMul:y")->rule, "shared_weights");
  EXPECT_THAT(fact(report, "MatMul:z")->reason, testing::HasSubstr("'ReduceSum:sum'"));
  EXPECT_EQ(types_of(maker.model.graph), (std::vector<std::string>{"MatMul", "MatMul", "ReduceSum"}));
}

TEST(WeightsOnly, WeightsThatProductsShareAreStoredOnce) {
  for (const WeightForm form : {WeightForm::int8, WeightForm::int4}) {
    ModelMaker maker(17);
    maker.input("x", {1, 128});
    maker.constant("w", normal({128, 128}, 2));
    maker.node("Identity", {"w"}, "same");
    maker.node("MatMul", {"x", "w"}, "y");
    maker.node("MatMul", {"y", "same"}, "z");
    maker.output("z");
    PrecisionReport report;
    ASSERT_TRUE(store_weights(maker.model, stored_in(maker.model, form), report).ok());
    EXPECT_EQ(fact(report, "MatMul:z")->rule, "weights");
    size_t constants = 0;
    for (const Value& value : maker.model.graph.values())
      constants += value.alive && value.constant.defined();
    EXPECT_EQ(constants, 3U);
  }
}

TEST(WeightsOnly, ScaledGemmsKeptNodesAndBrokenWeightsStay) {
  ModelMaker maker(17);
  maker.input("x", {4, 128});
  Tensor broken = normal({128, 128}, 8);
  broken.mutable_data<float>()[9] = std::nanf("");
  maker.constant("w", normal({128, 128}, 2));
  maker.constant("v", normal({128, 128}, 3));
  maker.constant("broken", broken);
  maker.constant("bias", normal({4, 128}, 4));
  maker.constant("u", normal({128, 128}, 5));
  maker.node("Gemm", {"x", "w"}, "a", {{"alpha", 2.0F}});
  maker.node("MatMul", {"a", "v"}, "b");
  maker.node("MatMul", {"b", "broken"}, "c");
  maker.node("Gemm", {"c", "u", "bias"}, "d");
  maker.output("d");
  WeightsRequest request = stored_in(maker.model, WeightForm::int4);
  request.keep["MatMul:b"] = "runs eagerly";
  PrecisionReport report;
  ASSERT_TRUE(store_weights(maker.model, request, report).ok());
  EXPECT_EQ(fact(report, "Gemm:a")->rule, "plain_gemm");
  EXPECT_EQ(fact(report, "MatMul:b")->reason, "runs eagerly");
  EXPECT_EQ(fact(report, "MatMul:c")->rule, "weight_form");
  EXPECT_EQ(fact(report, "Gemm:d")->rule, "bias_form");
}

TEST(WeightsOnly, BlocksAreNoLargerThanTheDepth) {
  ModelMaker maker(17);
  maker.input("x", {2, 60});
  maker.constant("w", normal({60, 90}, 2));
  maker.node("MatMul", {"x", "w"}, "y");
  maker.output("y");
  PrecisionReport report;
  ASSERT_TRUE(store_weights(maker.model, stored_in(maker.model, WeightForm::int4, 256), report).ok());
  EXPECT_EQ(maker.model.graph.node(fact(report, "MatMul:y")->id).attributes.get_int("block_size", 0), 64);
}

TEST(WeightsOnly, OldModelsAreWrittenInAnOpsetThatHasChannels) {
  ModelMaker maker(11);
  maker.input("x", {2, 128});
  maker.constant("w", normal({128, 64}, 2));
  maker.node("MatMul", {"x", "w"}, "y");
  maker.output("y");
  PrecisionReport report;
  ASSERT_TRUE(store_weights(maker.model, stored_in(maker.model, WeightForm::int8), report).ok());
  EXPECT_EQ(maker.model.opsets.at(""), 13);
  EXPECT_EQ(report.opset_before, 11);
  EXPECT_EQ(report.opset_after, 13);
}

}  // namespace
}  // namespace lathe
