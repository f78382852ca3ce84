// SPDX-License-Identifier: Apache-2.0
// Every rule: a node it keeps wide, and a near miss that it leaves alone.
#include "engine/precision/rules.h"

#include <gtest/gtest.h>

#include "engine/precision/narrow_constant.h"
#include "tests/precision/make_model.h"

namespace lathe {
namespace {

/// The rule that decided about a node.
std::string rule_of(ModelMaker& maker, const std::string& node, ElementType type = ElementType::f16) {
  Model model = maker.model;
  model.graph = maker.model.graph.clone();
  const auto report = lower_precision(model, request(type));
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().text());
  const NodePrecision* found = report.ok() ? fact(*report, node) : nullptr;
  EXPECT_NE(found, nullptr) << node;
  if (found == nullptr) return "";
  EXPECT_FALSE(found->reason.empty());
  EXPECT_EQ(found->precision == ElementType::f32, found->rule != "asked" && found->rule != "follows")
      << found->rule;
  return found->rule;
}

/// "h" [2, 600] is made by a product; close() lets a product read a value of that shape.
struct Surrounded : ModelMaker {
  explicit Surrounded(int opset = 22) : ModelMaker(opset) {
    input("x", {2, 600});
    weight("w", {600, 600});
    node("MatMul", {"x", "w"}, "h");
  }
  void close(const std::string& value) {
    node("MatMul", {value, "w"}, "result");
    output("result");
  }
};

Tensor axis(int64_t number) {
  return Tensor::from<int64_t>({1}, {number});
}

TEST(PrecisionRules, SizesAndIndices) {
  Surrounded maker;
  maker.node("Shape", {"h"}, "s");
  maker.node("Cast", {"s"}, "f", {{"to", int64_t{1}}});
  maker.node("Sqrt", {"f"}, "r");
  maker.output("r");
  maker.node("Relu", {"h"}, "n");
  maker.node("Cast", {"n"}, "i", {{"to", int64_t{7}}});
  maker.output("i");
  maker.close("h");
  EXPECT_EQ(rule_of(maker, "Sqrt:r"), "shape_arithmetic");
  EXPECT_EQ(rule_of(maker, "Relu:n"), "shape_arithmetic");
}

TEST(PrecisionRules, TablesAreNoSizesEvenWhereSizesIndexThem) {
  Surrounded maker;
  maker.constant("zero", Tensor::scalar<int64_t>(0));
  maker.constant("one", Tensor::scalar<int64_t>(1));
  maker.node("Shape", {"h"}, "s");
  maker.node("Gather", {"s", "zero"}, "rows");
  maker.node("Range", {"zero", "rows", "one"}, "ids");
  maker.node("Gather", {"w", "ids"}, "position");
  maker.node("Add", {"h", "position"}, "sum");
  maker.close("sum");
  EXPECT_EQ(rule_of(maker, "Gather:position"), "follows");
}

TEST(PrecisionRules, AnglesWithAllThatComputesThem) {
  Surrounded maker;
  maker.node("Mul", {"h", "x"}, "angle");
  maker.node("Sin", {"angle"}, "s");
  maker.node("Mul", {"h", "x"}, "other");
  maker.node("Add", {"s", "other"}, "sum");
  maker.close("sum");
  EXPECT_EQ(rule_of(maker, "Sin:s"), "angles");
  EXPECT_EQ(rule_of(maker, "Mul:angle"), "angles");
  EXPECT_EQ(rule_of(maker, "Mul:other"), "asked");
}

TEST(PrecisionRules, ExponentialsButNotSoftmax) {
  Surrounded maker;
  maker.node("Exp", {"h"}, "e");
  maker.node("Softmax", {"h"}, "p");
  maker.node("Add", {"e", "p"}, "sum");
  maker.close("sum");
  EXPECT_EQ(rule_of(maker, "Exp:e"), "exponentials");
  EXPECT_EQ(rule_of(maker, "Softmax:p"), "asked");
}

TEST(PrecisionRules, Powers) {
  Surrounded maker;
  maker.weight("two", {}, 2.0F);
  maker.node("Pow", {"h", "two"}, "p");
  maker.close("p");
  EXPECT_EQ(rule_of(maker, "Pow:p"), "powers");
}

TEST(PrecisionRules, LayerNormalizationSpelledOut) {
  Surrounded maker;
  maker.constant("last", axis(-1));
  maker.weight("epsilon", {}, 1e-5F);
  maker.node("ReduceMean", {"h", "last"}, "mean");
  maker.node("Sub", {"h", "mean"}, "d");
  maker.node("Mul", {"d", "d"}, "square");
  maker.node("ReduceMean", {"square", "last"}, "variance");
  maker.node("Add", {"variance", "epsilon"}, "safe");
  maker.node("Sqrt", {"safe"}, "deviation");
  maker.node("Div", {"d", "deviation"}, "y");
  maker.node("Mul", {"y", "x"}, "scaled");
  maker.close("scaled");
  const auto report = lower_precision(maker.model, request(ElementType::bf16));
  ASSERT_TRUE(report.ok()) << report.error().text();
  for (const char* node : {"ReduceMean:mean", "Sub:d", "Mul:square", "ReduceMean:variance", "Div:y"})
    EXPECT_EQ(fact(*report, node)->rule, "normalizations") << node;
  for (const char* node : {"Add:safe", "Sqrt:deviation"})
    EXPECT_EQ(fact(*report, node)->rule, "small_epsilons") << node;
  EXPECT_EQ(fact(*report, "Mul:scaled")->rule, "asked");
}

TEST(PrecisionRules, ANormalizationThatKeepsItsVarianceWideIsNarrow) {
  Surrounded maker;
  maker.weight("scale", {600}, 1.0F);
  maker.node("LayerNormalization", {"h", "scale"}, "a");
  maker.node("LayerNormalization", {"a", "scale"}, "b", {{"stash_type", int64_t{16}}});
  maker.close("b");
  EXPECT_EQ(rule_of(maker, "LayerNormalization:a"), "asked");
  EXPECT_EQ(rule_of(maker, "LayerNormalization:b"), "normalizations");
}

TEST(PrecisionRules, EpsilonsButNotLargerConstants) {
  Surrounded maker;
  maker.weight("small", {}, 1e-6F);
  maker.weight("one", {}, 1.0F);
  maker.node("Add", {"h", "small"}, "a");
  maker.node("Div", {"h", "a"}, "q");
  maker.node("Add", {"q", "one"}, "b");
  maker.node("Div", {"h", "b"}, "r");
  maker.close("r");
  EXPECT_EQ(rule_of(maker, "Add:a", ElementType::bf16), "small_epsilons");
  EXPECT_EQ(rule_of(maker, "Div:q", ElementType::bf16), "small_epsilons");
  EXPECT_EQ(rule_of(maker, "Add:b", ElementType::bf16), "asked");
  EXPECT_EQ(rule_of(maker, "Div:r", ElementType::bf16), "asked");
}

TEST(PrecisionRules, ReductionsByTheirLength) {
  Surrounded maker;
  maker.constant("last", axis(-1));
  maker.input("long", {2, 2000});
  maker.node("ReduceMean", {"h", "last"}, "short");
  maker.node("ReduceSum", {"h", "last"}, "sum");
  maker.weight("wide", {2000, 2000});
  maker.node("MatMul", {"long", "wide"}, "l");
  maker.node("ReduceMean", {"l", "last"}, "mean");
  maker.node("Add", {"h", "short"}, "s1");
  maker.node("Add", {"s1", "sum"}, "s2");
  maker.node("Add", {"s2", "mean"}, "s3");
  maker.close("s3");
  EXPECT_EQ(rule_of(maker, "ReduceMean:short"), "asked");
  EXPECT_EQ(rule_of(maker, "ReduceSum:sum"), "long_reductions");
  EXPECT_EQ(rule_of(maker, "ReduceMean:mean"), "long_reductions");
}

TEST(PrecisionRules, DecisionsSamplingRecurrencesAndTheModelsOwnTypes) {
  Surrounded maker;
  maker.node("ArgMax", {"h"}, "best");
  maker.node("Floor", {"h"}, "low");
  maker.node("RandomNormalLike", {"h"}, "noise");
  maker.output("best");
  maker.input("image", {1, 2, 8, 8});
  maker.input("grid", {1, 4, 4, 2});
  maker.node("GridSample", {"image", "grid"}, "sampled");
  maker.output("sampled");
  maker.node("Add", {"low", "noise"}, "sum");
  maker.close("sum");
  EXPECT_EQ(rule_of(maker, "ArgMax:best"), "decisions");
  EXPECT_EQ(rule_of(maker, "Floor:low"), "decisions");
  EXPECT_EQ(rule_of(maker, "RandomNormalLike:noise"), "fixed_types");
  EXPECT_EQ(rule_of(maker, "GridSample:sampled"), "sampling");
}

TEST(PrecisionRules, ConstantsBeyondTheRange) {
  const auto rule = [](float value, ElementType type) {
    Surrounded maker;
    maker.weight("c", {}, value);
    maker.node("Mul", {"h", "c"}, "y");
    maker.close("y");
    return rule_of(maker, "Mul:y", type);
  };
  EXPECT_EQ(rule(1e6F, ElementType::f16), "constant_range");
  EXPECT_EQ(rule(1e6F, ElementType::bf16), "asked");
  EXPECT_EQ(rule(-1e6F, ElementType::f16), "asked");  // as a mask: clamped
  EXPECT_EQ(rule(1e-6F, ElementType::f16), "constant_range");
  EXPECT_EQ(rule(1e-6F, ElementType::bf16), "asked");
  EXPECT_EQ(rule(65519.0F, ElementType::f16), "asked");  // rounds to 65504
  EXPECT_EQ(rule(65520.0F, ElementType::f16), "constant_range");
}

TEST(PrecisionRules, TheLastSmallProductMakesTheOutput) {
  Surrounded maker;
  maker.weight("head", {600, 4});
  maker.node("MatMul", {"h", "head"}, "boxes");
  maker.node("Sigmoid", {"boxes"}, "y");
  maker.output("y");
  maker.node("MatMul", {"h", "w"}, "large");
  maker.node("Sigmoid", {"large"}, "z");
  maker.output("z");
  EXPECT_EQ(rule_of(maker, "MatMul:boxes"), "outputs");
  EXPECT_EQ(rule_of(maker, "Sigmoid:y"), "outputs");
  EXPECT_EQ(rule_of(maker, "MatMul:large"), "asked");
  EXPECT_EQ(rule_of(maker, "Sigmoid:z"), "outputs");
}

TEST(PrecisionRules, OperatorsThatAreNotKnownStay) {
  Surrounded maker;
  maker.node("Shrink", {"h"}, "a");
  maker.node("Celu", {"a"}, "b");  // no bf16 before opset 28, but that can be had
  maker.close("b");
  EXPECT_EQ(rule_of(maker, "Shrink:a"), "no_narrow_form");
}

TEST(NarrowConstant, FiniteNumbersStayFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor from = Tensor::from<float>({4}, {1e9F, -1e9F, infinity, 1.0009765F});
  const auto f16 = narrow_constant(from, ElementType::f16);
  ASSERT_TRUE(f16.ok());
  EXPECT_EQ(f16->clamped, 2);
  EXPECT_EQ(f16->tensor.to_double(), (std::vector<double>{65504, -65504, infinity, 1.0009765625}));
  const auto bf16 = narrow_constant(Tensor::scalar<float>(-3.4028235e38F), ElementType::bf16);
  ASSERT_TRUE(bf16.ok());
  EXPECT_EQ(bf16->clamped, 1);
  EXPECT_EQ(bf16->tensor.to_double()[0], -0x1.FEp127);
}

}  // namespace
}  // namespace lathe
