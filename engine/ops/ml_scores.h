// SPDX-License-Identifier: Apache-2.0
// What the predictors of ai.onnx.ml share: rows of features, class labels and the transforms of scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe::ml {

inline constexpr std::string_view domain = "ai.onnx.ml";

// ---- Rows of features

/// Input 0 as rows of features; a vector is one row.
struct Rows {
  int64_t count = 1, features = 0;
  Operand<double> data;
  const double* row(int64_t i) const { return data.data() + i * features; }
};

/// Whether the specification lets predictors read elements of this type.
inline bool is_feature_type(ElementType type) {
  return visit_type<float, double, int64_t, int32_t>(type, [](auto) {});
}

inline Result<Rows> row_input(const RunContext& context, bool half = false) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  if (!is_feature_type(x->type()) && !(half && x->type() == ElementType::f16))
    return context.type_error(x->type());
  if (x->rank() != 1 && x->rank() != 2)
    return context.error("needs an input of shape C or NxC, not " + to_string(x->shape()));
  return Rows{x->rank() == 1 ? 1 : x->dim(0), x->shape().back(), Operand<double>(*x)};
}

/// How many rows input 0 has.
inline Result<Dim> infer_rows(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) return context.unknown_dim();
  if (dims->size() != 1 && dims->size() != 2)
    return node_error(context.node(), "needs an input of shape C or NxC, not " + to_string(*dims));
  return dims->size() == 1 ? Dim(1) : dims->front();
}

/// Error unless a known number of features fits.
inline Status check_features(const InferContext& context, int64_t features) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr || dims->empty() || !dims->back().known() || dims->back().is(features)) return {};
  return node_error(context.node(), "has an input of shape " + to_string(*dims) +
                                        ", but its attributes are for " + std::to_string(features) +
                                        " features");
}
inline Status check_features(const RunContext& context, const Rows& rows, int64_t features) {
  if (rows.features == features) return {};
  return context.error("has an input of " + std::to_string(rows.features) +
                       " features, but its attributes are for " + std::to_string(features));
}

// ---- Attributes

/// A list attribute, or null. An error when it is of another type than T.
template <class T>
Result<const T*> list_attribute(const Node& node, std::string_view name) {
  if (!node.attributes.has(name)) return static_cast<const T*>(nullptr);
  const T* list = node.attributes.get<T>(name);
  if (list == nullptr)
    return node_error(node, "has an attribute " + std::string(name) + " of the wrong type");
  return list;
}

/// Elements of the float list `name`, or of the tensor `name`_as_tensor; empty when neither is there.
inline Result<std::vector<double>> number_attribute(const Node& node, const std::string& name) {
  if (const Tensor* tensor = node.attributes.get<Tensor>(name + "_as_tensor")) {
    if (!is_float(tensor->type()))
      return node_error(node, "has an attribute " + name + "_as_tensor that does not hold floats");
    return tensor->to_double();
  }
  LATHE_ASSIGN(const auto* list, list_attribute<std::vector<float>>(node, name));
  return list != nullptr ? std::vector<double>(list->begin(), list->end()) : std::vector<double>();
}

inline Error length_error(const Node& node, std::string_view name, size_t length, size_t expected) {
  return node_error(node, "has " + std::to_string(length) + " elements in attribute " + std::string(name) +
                              ", expected " + std::to_string(expected));
}

// ---- Class labels

/// The labels a classifier chooses from, as integers or as strings.
class ClassLabels {
 public:
  static Result<ClassLabels> read(const Node& node, const char* ints, const char* strings) {
    ClassLabels labels;
    LATHE_ASSIGN(const auto* numbers, list_attribute<std::vector<int64_t>>(node, ints));
    LATHE_ASSIGN(const auto* texts, list_attribute<std::vector<std::string>>(node, strings));
    if (numbers != nullptr) labels.numbers_ = *numbers;
    if (texts != nullptr) labels.texts_ = *texts;
    if (labels.numbers_.empty() == labels.texts_.empty())
      return node_error(node, std::string("needs either ") + ints + " or " + strings);
    return labels;
  }

  size_t size() const { return std::max(numbers_.size(), texts_.size()); }
  ElementType type() const { return texts_.empty() ? ElementType::i64 : ElementType::string; }

  /// Output 0: the label chosen for each row.
  Status give(RunContext& context, const std::vector<size_t>& chosen) const {
    if (!context.has_output(0)) return {};
    LATHE_ASSIGN(Tensor * out, context.output(0, type(), {static_cast<int64_t>(chosen.size())}));
    for (size_t i = 0; i < chosen.size(); ++i) {
      if (texts_.empty())
        out->mutable_data<int64_t>()[i] = numbers_[chosen[i]];
      else
        out->mutable_strings()[i] = texts_[chosen[i]];
    }
    return {};
  }

 private:
  std::vector<int64_t> numbers_;
  std::vector<std::string> texts_;
};

/// Outputs of a classifier: labels [N] and scores [N, width].
inline Status infer_classifier(InferContext& context, const ClassLabels& labels, size_t width) {
  LATHE_ASSIGN(const Dim rows, infer_rows(context));
  context.set_tensor(0, labels.type(), Dims{rows});
  context.set_tensor(1, ElementType::f32, Dims{rows, Dim(static_cast<int64_t>(width))});
  return {};
}

// ---- Scores

enum class PostTransform { none, softmax, logistic, softmax_zero, probit };

inline Result<PostTransform> read_post_transform(const Node& node) {
  constexpr const char* names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const std::string name = node.attributes.get_string("post_transform", "NONE");
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i]) return static_cast<PostTransform>(i);
  return node_error(node, "has an unknown post_transform '" + name + "'");
}

inline double logistic(double x) {
  const double v = 1 / (1 + std::exp(-std::fabs(x)));
  return x < 0 ? 1 - v : v;
}

/// The quantile of the normal distribution by Winitzki's approximation of the inverse error function, as
/// other runtimes compute it.
inline double probit(double p) {
  constexpr double a = 0.147, pi = 3.14159;
  const double x = 2 * p - 1, logarithm = std::log((1 - x) * (1 + x));
  const double v = 2 / (pi * a) + logarithm / 2;
  return std::copysign(std::sqrt(2 * (std::sqrt(v * v - logarithm / a) - v)), x);
}

/// Softmax; `keep_zeros`: zeros take no part and stay.
inline void softmax(std::span<double> scores, bool keep_zeros) {
  const auto takes_part = [keep_zeros](double score) { return !keep_zeros || std::fabs(score) > 1e-7; };
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) {
    if (takes_part(score))
      sum += score = std::exp(score - largest);
    else
      score *= std::exp(-largest);
  }
  for (double& score : scores) score /= sum;
}

/// Transforms one row. A single score, of a regressor with one target, is only changed by PROBIT, as in other
/// runtimes.
inline void apply_transform(PostTransform transform, std::span<double> scores) {
  if (scores.empty() || (scores.size() == 1 && transform != PostTransform::probit)) return;
  switch (transform) {
    case PostTransform::none:
      return;
    case PostTransform::softmax:
    case PostTransform::softmax_zero:
      return softmax(scores, transform == PostTransform::softmax_zero);
    case PostTransform::logistic:
      std::transform(scores.begin(), scores.end(), scores.begin(), logistic);
      return;
    case PostTransform::probit:
      std::transform(scores.begin(), scores.end(), scores.begin(), probit);
      return;
  }
}

/// The two columns of a binary classifier that computes one score: probabilities of the transform, or else
/// the score against its negative (`is_signed`) or against its distance from 1.
inline std::pair<double, double> both_classes(PostTransform transform, double score, bool is_signed) {
  if (transform == PostTransform::logistic) return {logistic(-score), logistic(score)};
  if (transform == PostTransform::probit) return {probit(1 - score), probit(score)};
  return {is_signed ? -score : 1 - score, score};
}

/// Where the first largest score is.
inline size_t argmax(std::span<const double> scores) {
  return static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

/// Output `i`: scores, row after row.
inline Status give_scores(RunContext& context, size_t i, ElementType type, int64_t rows, int64_t width,
                          const std::vector<double>& scores) {
  if (!context.has_output(i)) return {};
  LATHE_ASSIGN(Tensor * out, context.output(i, type, {rows, width}));
  store_elements(scores.data(), *out);
  return {};
}

}  // namespace lathe::ml
