// SPDX-License-Identifier: Apache-2.0
// Encoders and scalers. Expected values were computed with ONNX Runtime, but where a comment says otherwise.
#include "tests/ops/ml_refusal.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

Tensor texts(const Texts& list) {
  return Tensor::of_strings({static_cast<int64_t>(list.size())}, list);
}
Tensor numbers(std::initializer_list<int64_t> list) {
  return Tensor::from<int64_t>({static_cast<int64_t>(list.size())}, list);
}

Tensor result(const Node& node, const std::vector<Tensor>& inputs) {
  const auto out = run_node(node, inputs);
  EXPECT_TRUE(out.ok()) << out.error().text();
  return out.ok() ? (*out)[0].tensor : Tensor();
}

// ---- LabelEncoder, CategoryMapper, OneHotEncoder

TEST(LabelEncoder, Version1NumbersStrings) {
  Node node = ml_node("LabelEncoder", 1);
  node.attributes.set("classes_strings", Texts{"b", "a"});
  EXPECT_EQ(result(node, {texts({"a", "b", "z"})}).to_int64(), (Ints{1, 0, -1}));
  EXPECT_EQ(result(node, {numbers({0, 1, 5})}).strings(), (Texts{"b", "a", "_Unused"}));
}

TEST(LabelEncoder, MapsKeysToValues) {
  for (const int version : {2, 4}) {
    Node node = ml_node("LabelEncoder", version);
    node.attributes.set("keys_strings", Texts{"a", "b"});
    node.attributes.set("values_floats", Floats{0.5F, 2});
    expect_floats(result(node, {texts({"b", "", "a"})}), {3}, {2, -0.0F, 0.5F});
    Node back = ml_node("LabelEncoder", version);
    back.attributes.set("keys_int64s", Ints{7, 9});
    back.attributes.set("values_strings", Texts{"x", "y"});
    back.attributes.set("default_string", std::string("?"));
    EXPECT_EQ(result(back, {numbers({9, 7, 0})}).strings(), (Texts{"y", "x", "?"}));
  }
}

// By the specification: NaN is a key, and of repeated keys the last counts from version 4 on.
TEST(LabelEncoder, FindsNaNAndRepeatedKeys) {
  Node node = ml_node("LabelEncoder", 4);
  node.attributes.set("keys_floats", Floats{NAN, 0, 0});
  node.attributes.set("values_int64s", Ints{1, 2, 3});
  EXPECT_EQ(result(node, {Tensor::from<float>({3}, {-NAN, -0.0F, 1})}).to_int64(), (Ints{1, 3, -1}));
}

TEST(LabelEncoder, TakesTensors) {
  Node node = ml_node("LabelEncoder", 4);
  node.attributes.set("keys_tensor", Tensor::from<int16_t>({2}, {1, 2}));
  node.attributes.set("values_tensor", Tensor::from<double>({2}, {0.1, 0.2}));
  node.attributes.set("default_tensor", Tensor::from<double>({1}, {42}));
  const Tensor y = result(node, {Tensor::from<int16_t>({1, 3}, {2, 5, 1})});
  EXPECT_EQ(y.to_double(), (std::vector<double>{0.2, 42, 0.1}));
  EXPECT_EQ(y.shape(), (Shape{1, 3}));
}

TEST(LabelEncoder, RefusesListsThatDoNotFit) {
  Node node = ml_node("LabelEncoder", 2);
  node.attributes.set("keys_strings", Texts{"a", "b"});
  expect_refused(node, {texts({"a"})}, "values_strings");
  node.attributes.set("values_int64s", Ints{1});
  expect_refused(node, {texts({"a"})}, "2 keys, but 1 values");
  node.attributes.set("values_int64s", Ints{1, 2});
  expect_refused(node, {numbers({1})}, "i64");
  node.attributes.set("keys_int64s", Ints{1, 2});
  expect_refused(node, {texts({"a"})}, "keys_strings");
}

TEST(CategoryMapper, GoesBothWays) {
  Node node = ml_node("CategoryMapper", 1);
  node.attributes.set("cats_strings", Texts{"a", "b"});
  node.attributes.set("cats_int64s", Ints{3, 4});
  node.attributes.set("default_int64", int64_t{-7});
  EXPECT_EQ(result(node, {texts({"b", "q"})}).to_int64(), (Ints{4, -7}));
  EXPECT_EQ(result(node, {numbers({3, 9})}).strings(), (Texts{"a", "_Unused"}));
  node.attributes.set("cats_int64s", Ints{3});
  expect_refused(node, {texts({"b"})}, "cats_int64s");
}

TEST(OneHotEncoder, MarksCategories) {
  Node node = ml_node("OneHotEncoder", 1);
  node.attributes.set("cats_int64s", Ints{1, 2, 0});
  expect_floats(result(node, {Tensor::from<float>({2, 2}, {1.7F, 2, -0.5F, 9})}), {2, 2, 3},
                {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0});
  expect_floats(result(node, {Tensor::from<double>({1}, {1e300})}), {1, 3}, {0, 0, 0});
  node.attributes.set("zeros", int64_t{0});
  expect_refused(node, {numbers({1, 7})}, "element 1 is none of its categories");
  expect_refused(node, {texts({"a"})}, "string");
}

TEST(Maps, AreRefusedWithAWayOut) {
  Node node = ml_node("ZipMap", 1);
  node.attributes.set("classlabels_int64s", Ints{1, 2});
  expect_refused(node, {noise({1, 2})}, "sequence of maps");
  expect_refused(ml_node("DictVectorizer", 1), {noise({2})}, "map");
  expect_refused(ml_node("CastMap", 1), {noise({2})}, "map");
}

// ---- Scaler, Normalizer, Binarizer, Imputer

Tensor rows() {
  return Tensor::from<float>({3, 3}, {1, -4, 2, 0, 0, 0, -1, -2, -3});
}

TEST(Scaler, ByFeatureOrByOneNumber) {
  Node node = ml_node("Scaler", 1);
  node.attributes.set("scale", Floats{2, 3, 4});
  node.attributes.set("offset", Floats{1, 2, 3});
  expect_floats(result(node, {rows()}), {3, 3}, {0, -18, -4, -2, -6, -12, -4, -12, -24});
  node.attributes.set("offset", Floats{1});
  expect_floats(result(node, {Tensor::from<int32_t>({1, 3}, {1, 2, 3})}), {1, 3}, {0, 3, 8});
  node.attributes.set("offset", Floats{1, 2});
  expect_refused(node, {rows()}, "2 elements in attribute offset, expected 3");
}

TEST(Normalizer, DividesRows) {
  const std::pair<const char*, Floats> cases[] = {
      {"MAX", {0.5F, -2, 1, 0, 0, 0, 1, 2, 3}},
      {"L1", {0.142857149F, -0.571428597F, 0.285714298F, 0, 0, 0, -0.166666672F, -0.333333343F, -0.5F}},
      {"L2", {0.2182179F, -0.8728716F, 0.4364358F, 0, 0, 0, -0.26726124F, -0.5345225F, -0.80178374F}}};
  Node node = ml_node("Normalizer", 1);
  for (const auto& [norm, values] : cases) {
    node.attributes.set("norm", std::string(norm));
    expect_floats(result(node, {rows()}), {3, 3}, values);
  }
  node.attributes.set("norm", std::string("L3"));
  expect_refused(node, {rows()}, "'L3'");
}

TEST(Binarizer, ComparesWithTheThreshold) {
  Node node = ml_node("Binarizer", 1);
  node.attributes.set("threshold", 0.5F);
  expect_floats(result(node, {rows()}), {3, 3}, {1, 0, 1, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(result(node, {numbers({0, 1, -3})}).to_int64(), (Ints{0, 1, 0}));
}

TEST(Imputer, ReplacesNumbersAndNaN) {
  Node node = ml_node("Imputer", 1);
  node.attributes.set("imputed_value_floats", Floats{7, 8, 9});
  expect_floats(result(node, {rows()}), {3, 3}, {1, -4, 2, 7, 8, 9, -1, -2, -3});
  node.attributes.set("replaced_value_float", NAN);
  expect_floats(result(node, {Tensor::from<float>({1, 3}, {NAN, 0, NAN})}), {1, 3}, {7, 0, 9});
  expect_refused(node, {numbers({1, 2, 3})}, "imputed_value_int64s");
  node.attributes.set("imputed_value_int64s", Ints{int64_t{1} << 40});
  EXPECT_EQ(result(node, {numbers({1, 0})}).to_int64(), (Ints{1, int64_t{1} << 40}));
  expect_refused(node, {Tensor::from<int32_t>({1}, {0})}, "too large for i32");
  expect_refused(node, {noise({2, 2})}, "imputed_value_floats");
}

// ---- ArrayFeatureExtractor, FeatureVectorizer

TEST(ArrayFeatureExtractor, TakesColumns) {
  const Node node = ml_node("ArrayFeatureExtractor", 1);
  expect_floats(result(node, {rows(), Tensor::from<int64_t>({1, 2}, {2, 0})}), {3, 2}, {2, 1, 0, 0, -3, -1});
  EXPECT_EQ(result(node, {texts({"a", "b"}), numbers({1})}).strings(), (Texts{"b"}));
  expect_refused(node, {rows(), numbers({0, -1})}, "index -1 at position 1");
  expect_refused(node, {rows(), numbers({3})}, "index 3");
}

TEST(FeatureVectorizer, CutsAndFillsUp) {
  Node node = ml_node("FeatureVectorizer", 1);
  expect_floats(result(node, {numbers({1, 2}), Tensor::from<float>({1, 1}, {3})}), {1, 3}, {1, 2, 3});
  node.attributes.set("inputdimensions", Ints{2, 4});
  expect_floats(result(node, {rows(), rows()}), {3, 6},
                {1, -4, 1, -4, 2, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, -2, -3, 0});
  expect_refused(node, {rows()}, "inputdimensions");
  expect_refused(node, {rows(), noise({2, 3})}, "3 and 2 rows");
}

}  // namespace
}  // namespace lathe::test
