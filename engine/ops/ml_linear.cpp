// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's LinearClassifier and LinearRegressor.
#include "engine/base/checked.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/ml_scores.h"

namespace lathe {
namespace {

using namespace ml;

/// Weights [targets, features] and an intercept per target, or none.
struct Linear {
  PostTransform transform = PostTransform::none;
  std::vector<double> coefficients, intercepts;
  size_t targets = 1;
  int64_t features() const { return static_cast<int64_t>(coefficients.size() / targets); }
};

/// `targets` 0: as many as intercepts.
Result<Linear> read_linear(const Node& node, size_t targets) {
  Linear linear;
  LATHE_ASSIGN(linear.transform, read_post_transform(node));
  LATHE_ASSIGN(linear.coefficients, number_attribute(node, "coefficients"));
  LATHE_ASSIGN(linear.intercepts, number_attribute(node, "intercepts"));
  if (linear.coefficients.empty()) return node_error(node, "needs attribute coefficients");
  linear.targets = targets;
  if (linear.coefficients.size() % targets != 0)
    return node_error(node, "has " + std::to_string(linear.coefficients.size()) +
                                " elements in attribute coefficients, which is no multiple of its " +
                                std::to_string(targets) + " targets");
  if (!linear.intercepts.empty() && linear.intercepts.size() != targets)
    return length_error(node, "intercepts", linear.intercepts.size(), targets);
  return linear;
}

/// Scores [rows, targets], not transformed.
Result<std::vector<double>> linear_scores(const RunContext& context, const Linear& linear, const Rows& rows) {
  LATHE_TRY(check_features(context, rows, linear.features()));
  const auto targets = static_cast<int64_t>(linear.targets);
  const auto count = checked_mul(rows.count, targets);
  if (!count) return context.error("has a result that is too large");
  std::vector<double> scores(static_cast<size_t>(*count));
  multiply<double>(rows.count, targets, rows.features, rows.data.data(), false, linear.coefficients.data(),
                   true, scores.data());
  if (!linear.intercepts.empty())
    for (size_t i = 0; i < scores.size(); ++i) scores[i] += linear.intercepts[i % linear.targets];
  return scores;
}

void transform_rows(PostTransform transform, size_t width, std::vector<double>& scores) {
  for (size_t at = 0; at < scores.size(); at += width)
    apply_transform(transform, std::span(scores).subspan(at, width));
}

// ---- LinearRegressor

Result<Linear> read_regressor(const Node& node) {
  const int64_t targets = node.attributes.get_int("targets", 1);
  if (targets < 1) return node_error(node, "has " + std::to_string(targets) + " targets");
  return read_linear(node, static_cast<size_t>(targets));
}

Status infer_regressor(InferContext& context) {
  LATHE_ASSIGN(const Linear linear, read_regressor(context.node()));
  LATHE_ASSIGN(const Dim rows, infer_rows(context));
  LATHE_TRY(check_features(context, linear.features()));
  context.set_tensor(0, ElementType::f32, Dims{rows, Dim(static_cast<int64_t>(linear.targets))});
  return {};
}

Status run_regressor(RunContext& context) {
  LATHE_ASSIGN(const Linear linear, read_regressor(context.node()));
  LATHE_ASSIGN(const Rows rows, row_input(context));
  LATHE_ASSIGN(std::vector<double> scores, linear_scores(context, linear, rows));
  transform_rows(linear.transform, linear.targets, scores);
  return give_scores(context, 0, ElementType::f32, rows.count, static_cast<int64_t>(linear.targets), scores);
}

// ---- LinearClassifier

struct LinearClassifier {
  ClassLabels labels;
  Linear linear;
  /// One score stands for both classes.
  bool single() const { return linear.targets == 1 && labels.size() == 2; }
};

/// `features`: of the input, -1 when not known; needed where there are no intercepts to count targets by.
Result<LinearClassifier> read_classifier(const Node& node, int64_t features) {
  LinearClassifier classifier;
  LATHE_ASSIGN(classifier.labels, ClassLabels::read(node, "classlabels_ints", "classlabels_strings"));
  const size_t classes = classifier.labels.size();
  size_t targets = node.attributes.get_floats("intercepts").size();
  if (targets == 0)
    targets =
        features >= 0 && node.attributes.get_floats("coefficients").size() == static_cast<size_t>(features)
            ? 1
            : classes;
  if (targets != classes && !(targets == 1 && classes == 2))
    return node_error(node, "has intercepts for " + std::to_string(targets) + " classes, but " +
                                std::to_string(classes) + " class labels");
  LATHE_ASSIGN(classifier.linear, read_linear(node, targets));
  return classifier;
}

Status infer_linear_classifier(InferContext& context) {
  const Dims* dims = context.dims(0);
  const bool known = dims != nullptr && !dims->empty() && dims->back().known();
  LATHE_ASSIGN(const LinearClassifier classifier,
               read_classifier(context.node(), known ? dims->back().value() : -1));
  if (known) LATHE_TRY(check_features(context, classifier.linear.features()));
  return infer_classifier(context, classifier.labels, classifier.labels.size());
}

Status run_linear_classifier(RunContext& context) {
  LATHE_ASSIGN(const Rows rows, row_input(context));
  LATHE_ASSIGN(const LinearClassifier classifier, read_classifier(context.node(), rows.features));
  LATHE_ASSIGN(std::vector<double> scores, linear_scores(context, classifier.linear, rows));
  const PostTransform transform = classifier.linear.transform;
  const size_t classes = classifier.labels.size();
  std::vector<size_t> chosen;
  if (classifier.single()) {
    std::vector<double> pairs;
    for (const double score : scores) {
      chosen.push_back(score > 0 ? 1 : 0);
      const auto [first, second] = both_classes(transform, score, false);
      pairs.insert(pairs.end(), {first, second});
    }
    scores = std::move(pairs);
  } else {
    for (size_t at = 0; at < scores.size(); at += classes)
      chosen.push_back(argmax(std::span(scores).subspan(at, classes)));
    transform_rows(transform, classes, scores);
  }
  LATHE_TRY(classifier.labels.give(context, chosen));
  return give_scores(context, 1, ElementType::f32, rows.count, static_cast<int64_t>(classes), scores);
}

int64_t linear_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const int64_t rows = inputs[0].size() == 2 ? inputs[0][0] : 1;
  return 2 * rows * static_cast<int64_t>(node.attributes.get_floats("coefficients").size());
}

}  // namespace

void register_ml_linear(OperatorRegistry& registry) {
  registry.add({ml::domain,
                "LinearClassifier",
                {1},
                1,
                1,
                1,
                2,
                trait_none,
                infer_linear_classifier,
                run_linear_classifier,
                linear_flops});
  registry.add({ml::domain,
                "LinearRegressor",
                {1},
                1,
                1,
                1,
                1,
                trait_none,
                infer_regressor,
                run_regressor,
                linear_flops});
}

}  // namespace lathe
