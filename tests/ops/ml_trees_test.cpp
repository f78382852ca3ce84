// SPDX-License-Identifier: Apache-2.0
// Expected values were computed with ONNX Runtime, but where a comment says otherwise.
#include "tests/ops/ml_refusal.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

Tensor input() {
  return Tensor::from<float>({4, 2}, {1, 2, -1, 0.5F, 0.1F, -3, NAN, 5});
}

const Floats& weights() {
  static const Floats list{0.1F, 0.4F, 0.3F, 0.2F, 0.35F};
  return list;
}

/// Two trees; `prefix` is class or target, `ids` whom each of the five leaves votes for.
Node forest(const char* op, const std::string& prefix, const Ints& ids, const Floats& votes = weights()) {
  Node node = ml_node(op, 3);
  Attributes& a = node.attributes;
  a.set("nodes_treeids", Ints{0, 0, 0, 0, 0, 1, 1, 1});
  a.set("nodes_nodeids", Ints{0, 1, 2, 3, 4, 0, 1, 2});
  a.set("nodes_featureids", Ints{0, 1, 0, 0, 0, 1, 0, 0});
  a.set("nodes_modes",
        Texts{"BRANCH_LEQ", "BRANCH_GT", "LEAF", "LEAF", "LEAF", "BRANCH_NEQ", "LEAF", "LEAF"});
  a.set("nodes_values", Floats{0.5F, -1, 0, 0, 0, 2, 0, 0});
  a.set("nodes_truenodeids", Ints{1, 3, 0, 0, 0, 1, 0, 0});
  a.set("nodes_falsenodeids", Ints{2, 4, 0, 0, 0, 2, 0, 0});
  a.set("nodes_missing_value_tracks_true", Ints{1, 0, 0, 0, 0, 0, 0, 0});
  a.set(prefix + "_treeids", Ints{0, 0, 0, 1, 1});
  a.set(prefix + "_nodeids", Ints{2, 3, 4, 1, 2});
  a.set(prefix + "_ids", ids);
  a.set(prefix + "_weights", votes);
  return node;
}

Node classifier(const Ints& ids, const Texts& labels, const Floats& votes = weights()) {
  Node node = forest("TreeEnsembleClassifier", "class", ids, votes);
  node.attributes.set("classlabels_strings", labels);
  return node;
}

TEST(TreeEnsembleClassifier, GivesTheTopClassAndTransformedScores) {
  const std::pair<const char*, Floats> cases[] = {
      {"NONE", {0.45F, 0, 0, 0, 0.6F, 0, 0, 0.2F, 0.3F, 0, 0.6F, 0}},
      {"LOGISTIC",
       {0.610639274F, 0.5F, 0.5F, 0.5F, 0.645656288F, 0.5F, 0.5F, 0.549833953F, 0.574442506F, 0.5F,
        0.645656288F, 0.5F}},
      {"SOFTMAX",
       {0.439510942F, 0.280244559F, 0.280244559F, 0.261634976F, 0.476730019F, 0.261634976F, 0.280013084F,
        0.34200877F, 0.377978146F, 0.261634976F, 0.476730019F, 0.261634976F}},
      {"SOFTMAX_ZERO", {1, 0, 0, 0, 1, 0, 0, 0.475020826F, 0.524979174F, 0, 1, 0}}};
  for (const auto& [transform, scores] : cases) {
    Node node = classifier({0, 1, 2, 1, 0}, {"a", "b", "c"});
    node.attributes.set("post_transform", std::string(transform));
    const auto out = run_node(node, {input()}, 2);
    ASSERT_TRUE(out.ok()) << out.error().text();
    EXPECT_EQ((*out)[0].tensor.strings(), (Texts{"a", "b", "c", "b"}));
    expect_floats((*out)[1].tensor, {4, 3}, scores);
  }
}

TEST(TreeEnsembleClassifier, BinaryWithVotesForOneClass) {
  const auto expect = [](const Node& node, const Texts& labels, const Floats& scores) {
    const auto out = run_node(node, {input()}, 2);
    ASSERT_TRUE(out.ok()) << out.error().text();
    EXPECT_EQ((*out)[0].tensor.strings(), labels);
    expect_floats((*out)[1].tensor, {4, 2}, scores);
  };
  expect(classifier({0, 0, 0, 0, 0}, {"n", "y"}), {"n", "y", "n", "y"},
         {0.55F, 0.45F, 0.4F, 0.6F, 0.5F, 0.5F, 0.4F, 0.6F});
  expect(classifier({1, 1, 1, 1, 1}, {"n", "y"}), {"n", "y", "n", "y"},
         {0, 0.45F, 0, 0.6F, 0, 0.5F, 0, 0.6F});
  Node node = classifier({0, 0, 0, 0, 0}, {"n", "y"}, {-0.5F, 0.4F, 0.3F, 0.2F, 0.35F});
  node.attributes.set("post_transform", std::string("LOGISTIC"));
  node.attributes.set("base_values", Floats{-0.1F});
  expect(node, {"n", "y", "y", "y"},
         {0.562176526F, 0.437823474F, 0.377540648F, 0.622459352F, 0.401312351F, 0.598687649F, 0.377540648F,
          0.622459352F});
}

// By the specification; ONNX Runtime gives the label 1, which is none of the labels, for a positive score.
TEST(TreeEnsembleClassifier, BinaryWithVotesForBothClasses) {
  const auto out = run_node(classifier({0, 1, 0, 1, 0}, {"n", "y"}), {input()}, 2);
  ASSERT_TRUE(out.ok()) << out.error().text();
  EXPECT_EQ((*out)[0].tensor.strings(), (Texts{"n", "y", "n", "y"}));
  expect_floats((*out)[1].tensor, {4, 2}, {0.45F, 0, 0, 0.6F, 0.3F, 0.2F, 0, 0.6F});
}

TEST(TreeEnsembleClassifier, RefusesBrokenTrees) {
  const auto expect = [](const char* name, AttributeValue value, const char* says) {
    Node node = classifier({0, 1, 2, 1, 0}, {"a", "b", "c"});
    node.attributes.set(name, std::move(value));
    expect_refused(node, {input()}, says);
    EXPECT_FALSE(run_node(node, {input()}, 2).ok()) << name;  // in inference, too
  };
  expect("nodes_truenodeids", Ints{1, 0, 0, 0, 0, 1, 0, 0}, "cycle");
  expect("nodes_truenodeids", Ints{0, 3, 0, 0, 0, 1, 0, 0}, "cycle");
  expect("nodes_truenodeids", Ints{1, 9, 0, 0, 0, 1, 0, 0}, "node 9 of tree 0, which is not there");
  expect("nodes_falsenodeids", Ints{2, -4, 0, 0, 0, 2, 0, 0}, "node -4 of tree 0");
  expect("nodes_nodeids", Ints{0, 1, 2, 3, 3, 0, 1, 2}, "node 3 of tree 0 twice");
  expect("nodes_values", Floats{0}, "1 elements in attribute nodes_values, expected 8");
  expect("nodes_values", Ints{0}, "nodes_values of the wrong type");
  expect("nodes_featureids", Ints{0, 1}, "nodes_featureids");
  expect("nodes_featureids", Ints{0, -1, 0, 0, 0, 1, 0, 0}, "feature -1");
  expect("nodes_featureids", Ints{0, 7, 0, 0, 0, 1, 0, 0}, "look at feature 7");
  expect("nodes_modes", Texts{"BRANCH_LEQ", "x", "LEAF", "LEAF", "LEAF", "BRANCH_NEQ", "LEAF", "LEAF"},
         "unknown mode 'x'");
  expect("class_ids", Ints{0, 1, 3, 1, 0}, "3 in attribute class_ids");
  expect("class_ids", Ints{0, 1, -1, 1, 0}, "-1 in attribute class_ids");
  expect("class_nodeids", Ints{2, 3, 44, 1, 2}, "node 44 of tree 0");
  expect("class_weights", Floats{1}, "class_weights");
  expect("classlabels_strings", Texts{}, "classlabels_int64s or classlabels_strings");
  expect("base_values", Floats{1, 2}, "base_values");
  expect("post_transform", std::string("COSINE"), "'COSINE'");
}

TEST(TreeEnsembleRegressor, AggregatesVotes) {
  const std::pair<const char*, Floats> cases[] = {{"SUM", {0.7F, 0.85F, 0.75F, 0.85F}},
                                                  {"AVERAGE", {0.475F, 0.55F, 0.5F, 0.55F}},
                                                  {"MIN", {0.35F, 0.45F, 0.45F, 0.45F}},
                                                  {"MAX", {0.6F, 0.65F, 0.55F, 0.65F}}};
  for (const auto& [aggregate, scores] : cases) {
    Node node = forest("TreeEnsembleRegressor", "target", {0, 0, 0, 0, 0});
    node.attributes.set("n_targets", int64_t{1});
    node.attributes.set("aggregate_function", std::string(aggregate));
    node.attributes.set("base_values", Floats{0.25F});
    const auto out = run_node(node, {input()});
    ASSERT_TRUE(out.ok()) << out.error().text();
    expect_floats((*out)[0].tensor, {4, 1}, scores);
  }
}

TEST(TreeEnsembleRegressor, TakesDoublesAsTensors) {
  Node node = forest("TreeEnsembleRegressor", "target", {0, 0, 0, 0, 0});
  node.attributes.erase("nodes_values");
  node.attributes.set("nodes_values_as_tensor", Tensor::from<double>({8}, {1 + 1e-12, -1, 0, 0, 0, 2, 0, 0}));
  const auto out = run_node(node, {Tensor::from<double>({2, 2}, {1, 2, 1 + 1e-11, 2})});
  ASSERT_TRUE(out.ok()) << out.error().text();
  expect_floats((*out)[0].tensor, {2, 1}, {0.75F, 0.45F});
}

TEST(TreeEnsembleRegressor, RefusesWhatItHasNoRoomFor) {
  Node node = forest("TreeEnsembleRegressor", "target", {0, 0, 0, 0, 0});
  node.attributes.set("n_targets", int64_t{1} << 40);
  expect_refused(node, {input()}, "targets");
  node.attributes.set("n_targets", int64_t{1});
  node.attributes.set("aggregate_function", std::string("MEDIAN"));
  expect_refused(node, {input()}, "'MEDIAN'");
  expect_refused(forest("TreeEnsembleRegressor", "target", {0, 0, 0, 0, 0}),
                 {Tensor::from<uint8_t>({1, 2}, {1, 2})}, "u8");
}

// ---- TreeEnsemble

/// Two trees that share a node; the first asks whether feature 0 is one of 1, 3 and 4.
Node ensemble() {
  Node node = ml_node("TreeEnsemble", 5);
  Attributes& a = node.attributes;
  a.set("tree_roots", Ints{0, 2});
  a.set("nodes_modes", Tensor::from<uint8_t>({3}, {6, 0, 5}));
  a.set("nodes_splits", Tensor::from<float>({3}, {0, 0.75F, 2.5F}));
  a.set("nodes_featureids", Ints{0, 1, 0});
  a.set("nodes_truenodeids", Ints{1, 0, 2});
  a.set("nodes_trueleafs", Ints{0, 1, 1});
  a.set("nodes_falsenodeids", Ints{2, 1, 3});
  a.set("nodes_falseleafs", Ints{1, 1, 1});
  a.set("leaf_targetids", Ints{0, 1, 0, 1});
  a.set("leaf_weights", Tensor::from<float>({4}, {0.1F, 0.2F, 0.3F, 0.4F}));
  a.set("n_targets", int64_t{2});
  a.set("membership_values", Tensor::from<float>({4}, {1, 3, 4, NAN}));
  return node;
}

Tensor members() {
  return Tensor::from<float>({4, 2}, {1, 2, 3, 0.5F, 2.5F, -3, 4, 1});
}

TEST(TreeEnsemble, AggregatesLeaves) {
  const Floats cases[] = {{0.15F, 0.1F, 0.2F, 0, 0.15F, 0.2F, 0.15F, 0.1F},
                          {0.3F, 0.2F, 0.4F, 0, 0.3F, 0.4F, 0.3F, 0.2F},
                          {0.3F, 0.2F, 0.1F, 0, 0.3F, 0.4F, 0.3F, 0.2F},
                          {0.3F, 0.2F, 0.3F, 0, 0.3F, 0.4F, 0.3F, 0.2F}};
  for (int64_t aggregate = 0; aggregate < 4; ++aggregate) {
    Node node = ensemble();
    node.attributes.set("aggregate_function", aggregate);
    const auto out = run_node(node, {members()});
    ASSERT_TRUE(out.ok()) << out.error().text();
    expect_floats((*out)[0].tensor, {4, 2}, cases[aggregate]);
  }
}

// The specification's numbers: 1 is SOFTMAX, 2 LOGISTIC. ONNX Runtime has them the other way round.
TEST(TreeEnsemble, TransformsScores) {
  const std::pair<int64_t, Floats> cases[] = {{1,
                                               {0.524979174F, 0.475020826F, 0.598687649F, 0.401312321F,
                                                0.475020826F, 0.524979174F, 0.524979174F, 0.475020826F}},
                                              {2,
                                               {0.574442506F, 0.549833953F, 0.598687649F, 0.5F, 0.574442506F,
                                                0.598687649F, 0.574442506F, 0.549833953F}}};
  for (const auto& [transform, scores] : cases) {
    Node node = ensemble();
    node.attributes.set("post_transform", transform);
    const auto out = run_node(node, {members()});
    ASSERT_TRUE(out.ok()) << out.error().text();
    expect_floats((*out)[0].tensor, {4, 2}, scores);
  }
}

TEST(TreeEnsemble, GivesItsInputsType) {
  const auto halves = run_node(ensemble(), {Tensor::from<F16>({1, 2}, {F16(1.0F), F16(2.0F)})});
  ASSERT_TRUE(halves.ok()) << halves.error().text();
  EXPECT_EQ((*halves)[0].tensor.type(), ElementType::f16);
  expect_refused(ensemble(), {Tensor::from<int64_t>({1, 2}, {1, 2})}, "i64");
}

TEST(TreeEnsemble, RefusesBrokenTrees) {
  const auto expect = [](const char* name, AttributeValue value, const char* says) {
    Node node = ensemble();
    node.attributes.set(name, std::move(value));
    expect_refused(node, {members()}, says);
    EXPECT_FALSE(run_node(node, {members()}).ok()) << name;
  };
  expect("nodes_truenodeids", Ints{1, 5, 2}, "leaf 5, but only 4");
  expect("nodes_truenodeids", Ints{0, 0, 2}, "cycle");
  expect("nodes_trueleafs", Ints{0, 0, 1}, "cycle");
  expect("nodes_truenodeids", Ints{-1, 0, 2}, "node -1");
  expect("nodes_falseleafs", Ints{1, 1}, "nodes_falseleafs");
  expect("tree_roots", Ints{0, 3}, "root 3");
  expect("tree_roots", Ints{}, "tree_roots");
  expect("nodes_modes", Tensor::from<uint8_t>({3}, {6, 0, 7}), "mode 7");
  expect("nodes_modes", Tensor::from<uint8_t>({2}, {6, 0}), "nodes_splits");
  expect("nodes_modes", Ints{6, 0, 5}, "nodes_modes");
  expect("leaf_targetids", Ints{0, 1, 0, 2}, "target 2");
  expect("leaf_weights", Tensor::from<float>({1}, {1}), "leaf_targetids");
  expect("membership_values", int64_t{1}, "fewer sets");
  expect("membership_values", Tensor::from<float>({4}, {1, NAN, 2, NAN}), "more sets");
  expect("n_targets", int64_t{0}, "n_targets");
}

}  // namespace
}  // namespace lathe::test
