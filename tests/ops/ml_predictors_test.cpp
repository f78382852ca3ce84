// SPDX-License-Identifier: Apache-2.0
// Linear models and support vector machines. Expected values were computed with ONNX Runtime.
#include "tests/ops/ml_refusal.h"

namespace lathe::test {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

Tensor input() {
  return Tensor::from<float>({3, 2}, {1, 2, -1, 0.5F, 0.1F, -3});
}

Node with(Node node, const char* name, AttributeValue value) {
  node.attributes.set(name, std::move(value));
  return node;
}

void expect_classes(const Node& node, const Texts& labels, const Floats& scores) {
  const auto out = run_node(node, {input()}, 2);
  ASSERT_TRUE(out.ok()) << out.error().text();
  if ((*out)[0].tensor.type() == ElementType::string)
    EXPECT_EQ((*out)[0].tensor.strings(), labels);
  else
    for (size_t i = 0; i < labels.size(); ++i)
      EXPECT_EQ(std::to_string((*out)[0].tensor.to_int64()[i]), labels[i]);
  expect_floats((*out)[1].tensor, {3, static_cast<int64_t>(scores.size() / 3)}, scores, 2e-6);
}

// ---- Linear models

Node linear_regressor() {
  Node node = ml_node("LinearRegressor", 1);
  node.attributes.set("coefficients", Floats{0.1F, 0.02F, 0.03F, 0.1F});
  node.attributes.set("intercepts", Floats{0.4F, 0.5F});
  node.attributes.set("targets", int64_t{2});
  return node;
}

TEST(LinearRegressor, TransformsScores) {
  const std::pair<const char*, Floats> cases[] = {
      {"NONE", {0.54F, 0.73F, 0.31F, 0.52F, 0.35F, 0.203F}},
      {"LOGISTIC", {0.631812394F, 0.674805284F, 0.576885223F, 0.627147734F, 0.586617589F, 0.550576448F}},
      {"SOFTMAX", {0.452642381F, 0.547357619F, 0.447692066F, 0.552307904F, 0.536683977F, 0.463316053F}},
      {"PROBIT", {0.100434124F, 0.612879932F, -0.495888978F, 0.0501481704F, -0.385340244F, -0.831085086F}}};
  for (const auto& [transform, scores] : cases) {
    const auto y = run_node(with(linear_regressor(), "post_transform", std::string(transform)), {input()});
    ASSERT_TRUE(y.ok()) << y.error().text();
    expect_floats((*y)[0].tensor, {3, 2}, scores, 2e-5);
  }
}

TEST(LinearRegressor, RefusesListsThatDoNotFit) {
  expect_refused(with(linear_regressor(), "intercepts", Floats{1, 2, 3}), {input()}, "intercepts");
  expect_refused(with(linear_regressor(), "coefficients", Floats{1, 2, 3}), {input()}, "coefficients");
  expect_refused(with(linear_regressor(), "coefficients", Floats{1, 2}), {input()}, "1");
  expect_refused(with(linear_regressor(), "targets", int64_t{-1}), {input()}, "-1 targets");
  expect_refused(linear_regressor(), {noise({2, 2, 2})}, "2x2x2");
}

TEST(LinearClassifier, ThreeClasses) {
  Node node = ml_node("LinearClassifier", 1);
  node.attributes.set("coefficients", Floats{0.1F, 0.2F, -0.3F, 0.4F, 0.5F, -0.6F});
  node.attributes.set("intercepts", Floats{0.1F, 0.2F, 0.3F});
  node.attributes.set("classlabels_strings", Texts{"a", "b", "c"});
  node.attributes.set("post_transform", std::string("SOFTMAX"));
  expect_classes(node, {"b", "b", "c"},
                 {0.404358923F, 0.446885705F, 0.148755327F, 0.296654016F, 0.540538847F, 0.162807152F,
                  0.0641191974F, 0.0373653546F, 0.898515463F});
  expect_refused(with(node, "intercepts", Floats{1, 2}), {input()}, "2 classes, but 3 class labels");
}

TEST(LinearClassifier, OneScoreForTwoClasses) {
  Node node = ml_node("LinearClassifier", 1);
  node.attributes.set("coefficients", Floats{0.1F, 0.2F});
  node.attributes.set("intercepts", Floats{0.05F});
  node.attributes.set("classlabels_ints", Ints{3, 7});
  expect_classes(node, {"7", "7", "3"}, {0.45F, 0.55F, 0.95F, 0.05F, 1.54F, -0.54F});
  expect_classes(with(node, "post_transform", std::string("LOGISTIC")), {"7", "7", "3"},
                 {0.365864396F, 0.634135604F, 0.487502635F, 0.512497365F, 0.631812453F, 0.368187547F});
}

// ---- Support vector machines

Node svm_classifier(const char* kernel) {
  Node node = ml_node("SVMClassifier", 1);
  node.attributes.set("coefficients", Floats{0.5F, -0.3F, 0.2F, -0.4F, 0.1F, 0.6F, -0.7F, 0.25F});
  node.attributes.set("kernel_params", Floats{0.5F, 0.1F, 2});
  node.attributes.set("kernel_type", std::string(kernel));
  node.attributes.set("rho", Floats{0.05F, -0.1F, 0.2F});
  node.attributes.set("support_vectors", Floats{1, 0, 0, 1, -1, 1, 0.5F, 0.5F});
  node.attributes.set("vectors_per_class", Ints{1, 2, 1});
  node.attributes.set("classlabels_strings", Texts{"x", "y", "z"});
  return node;
}

TEST(SVMClassifier, DecidesPairsOfClasses) {
  expect_classes(svm_classifier("LINEAR"), {"x", "z", "x"},
                 {0.15F, -0.6F, 1.075F, -0.3F, -0.1F, -0.6125F, 0.38F, 0.49F, 0.2075F});
  expect_classes(svm_classifier("POLY"), {"y", "z", "y"},
                 {-0.061F, -0.353F, 0.854625106F, 0.23775F, -0.08425F, -0.232093751F, -0.10625F, -0.254F,
                  0.00190646946F});
  expect_classes(svm_classifier("RBF"), {"x", "z", "x"},
                 {0.0237208009F, -0.201068401F, 0.434894383F, 0.125637427F, -0.217917681F, -0.0154278353F,
                  0.0536412224F, -0.100066781F, 0.200576872F});
  expect_classes(svm_classifier("SIGMOID"), {"x", "z", "x"},
                 {0.185784981F, -0.322722882F, 0.477132142F, -0.102673247F, -0.127996981F, -0.0881720334F,
                  0.210909456F, 0.136728391F, 0.157124013F});
}

TEST(SVMClassifier, CouplesProbabilities) {
  Node node = svm_classifier("RBF");
  node.attributes.set("prob_a", Floats{-1.2F, -0.8F, -2});
  node.attributes.set("prob_b", Floats{0.1F, -0.2F, 0.05F});
  expect_classes(node, {"x", "z", "x"},
                 {0.334419131F, 0.425603271F, 0.239977658F, 0.341587514F, 0.319200158F, 0.339212328F,
                  0.344176799F, 0.373370051F, 0.282453209F});
}

TEST(SVMClassifier, TwoClasses) {
  Node node = svm_classifier("RBF");
  node.attributes.set("coefficients", Floats{0.5F, -0.3F, 0.2F, -0.4F});
  node.attributes.set("rho", Floats{0.05F});
  node.attributes.set("vectors_per_class", Ints{2, 2});
  node.attributes.set("classlabels_strings", Texts{"x", "y"});
  expect_classes(
      node, {"y", "y", "x"},
      {0.0908811241F, -0.0908811241F, 0.00422355905F, -0.00422355905F, -0.0528335012F, 0.0528335012F});
  expect_classes(with(node, "post_transform", std::string("LOGISTIC")), {"y", "y", "x"},
                 {0.522704661F, 0.477295339F, 0.501055896F, 0.498944104F, 0.48679471F, 0.51320529F});
}

TEST(SVMClassifier, RefusesListsThatDoNotFit) {
  const auto expect = [](const char* name, AttributeValue value, const char* says) {
    expect_refused(with(svm_classifier("RBF"), name, std::move(value)), {input()}, says);
  };
  expect("rho", Floats{0.05F}, "rho");
  expect("rho", Floats{}, "rho");
  expect("coefficients", Floats{1, 2, 3}, "coefficients");
  expect("support_vectors", Floats{1, 2, 3}, "support_vectors");
  expect("support_vectors", Floats{1, 2, 3, 4}, "for 1");
  expect("vectors_per_class", Ints{1, 2}, "vectors_per_class");
  expect("vectors_per_class", Ints{1, -2, 5}, "-2");
  expect("vectors_per_class", Ints{1, int64_t{1} << 62, 5}, "vectors_per_class");
  expect("prob_a", Floats{1, 2, 3}, "prob_b");
  expect("kernel_params", Floats{1}, "kernel_params");
  expect("kernel_type", std::string("CUBIC"), "'CUBIC'");
  expect("classlabels_strings", Texts{"x"}, "1 classes");
}

TEST(SVMRegressor, WithSupportVectorsAndWithout) {
  Node node = ml_node("SVMRegressor", 1);
  node.attributes.set("coefficients", Floats{0.5F, -0.3F});
  node.attributes.set("kernel_params", Floats{0.5F, 0.1F, 3});
  node.attributes.set("rho", Floats{0.05F});
  const auto expect = [](const Node& which, const Floats& values) {
    const auto y = run_node(which, {input()});
    ASSERT_TRUE(y.ok()) << y.error().text();
    expect_floats((*y)[0].tensor, {3, 1}, values);
  };
  expect(node, {-0.05F, -0.6F, 1});
  node.attributes.set("kernel_type", std::string("POLY"));
  node.attributes.set("n_supports", int64_t{2});
  node.attributes.set("support_vectors", Floats{1, 0, 0, 1});
  expect(node, {-0.241300032F, 0.00513749942F, 0.874887526F});
  expect(with(node, "one_class", int64_t{1}), {-1, 1, 1});
  expect_refused(with(node, "n_supports", int64_t{3}), {input()}, "support_vectors");
  expect_refused(with(node, "n_supports", int64_t{-3}), {input()}, "n_supports");
}

}  // namespace
}  // namespace lathe::test
