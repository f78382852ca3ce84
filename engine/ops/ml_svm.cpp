// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's SVMClassifier and SVMRegressor.
#include <numeric>

#include "engine/base/checked.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/ml_scores.h"

namespace lathe {
namespace {

using namespace ml;

constexpr size_t max_classes = 4096;  // a score for each pair of classes

enum class KernelType { linear, poly, rbf, sigmoid };

/// What both operators are made of. Without support vectors the coefficients are those of linear functions.
struct Machine {
  PostTransform transform = PostTransform::none;
  KernelType kernel = KernelType::linear;
  double gamma = 0, coef0 = 0, degree = 0;
  std::vector<double> coefficients, support_vectors, rho;
  size_t vectors = 0, features = 0;
};

Result<KernelType> read_kernel_type(const Node& node) {
  constexpr const char* names[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  const std::string name = node.attributes.get_string("kernel_type", "LINEAR");
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i]) return static_cast<KernelType>(i);
  return node_error(node, "has an unknown kernel_type '" + name + "'");
}

/// `functions`: how many linear functions there are without support vectors.
Result<Machine> read_machine(const Node& node, size_t vectors, size_t functions) {
  Machine machine;
  LATHE_ASSIGN(machine.transform, read_post_transform(node));
  LATHE_ASSIGN(machine.kernel, read_kernel_type(node));
  LATHE_ASSIGN(const auto parameters, number_attribute(node, "kernel_params"));
  if (!parameters.empty() && parameters.size() != 3)
    return length_error(node, "kernel_params", parameters.size(), 3);
  if (!parameters.empty()) {
    machine.gamma = parameters[0];
    machine.coef0 = parameters[1];
    machine.degree = parameters[2];
  }
  LATHE_ASSIGN(machine.coefficients, number_attribute(node, "coefficients"));
  LATHE_ASSIGN(machine.support_vectors, number_attribute(node, "support_vectors"));
  LATHE_ASSIGN(machine.rho, number_attribute(node, "rho"));
  if (machine.coefficients.empty()) return node_error(node, "needs attribute coefficients");
  if (machine.rho.empty()) return node_error(node, "needs attribute rho");
  machine.vectors = vectors;
  if (vectors == 0) machine.kernel = KernelType::linear;
  const std::vector<double>& matrix = vectors > 0 ? machine.support_vectors : machine.coefficients;
  const size_t rows = vectors > 0 ? vectors : functions;
  if (matrix.empty() || matrix.size() % rows != 0)
    return node_error(node, "has " + std::to_string(matrix.size()) + " elements in attribute " +
                                (vectors > 0 ? "support_vectors" : "coefficients") +
                                ", which is no multiple of " + std::to_string(rows));
  machine.features = matrix.size() / rows;
  return machine;
}

/// The kernel of each row of the input with each row of `matrix`; [rows, matrix rows].
Result<std::vector<double>> kernel_products(const RunContext& context, const Machine& machine, const Rows& x,
                                            const std::vector<double>& matrix) {
  LATHE_TRY(check_features(context, x, static_cast<int64_t>(machine.features)));
  const auto columns = static_cast<int64_t>(matrix.size() / machine.features);
  const auto count = checked_mul(x.count, columns);
  if (!count) return context.error("has a result that is too large");
  std::vector<double> out(static_cast<size_t>(*count));
  if (machine.kernel == KernelType::rbf) {
    for (int64_t i = 0; i < *count; ++i) {
      const double *a = x.row(i / columns), *b = matrix.data() + (i % columns) * x.features;
      double distance = 0;
      for (int64_t k = 0; k < x.features; ++k) distance += (a[k] - b[k]) * (a[k] - b[k]);
      out[static_cast<size_t>(i)] = std::exp(-machine.gamma * distance);
    }
    return out;
  }
  multiply<double>(x.count, columns, x.features, x.data.data(), false, matrix.data(), true, out.data());
  if (machine.kernel == KernelType::linear) return out;
  for (double& value : out) {
    value = machine.gamma * value + machine.coef0;
    value = machine.kernel == KernelType::poly ? std::pow(value, machine.degree) : std::tanh(value);
  }
  return out;
}

// ---- SVMRegressor

Result<Machine> read_regressor(const Node& node) {
  const int64_t vectors = node.attributes.get_int("n_supports", 0);
  if (vectors < 0) return node_error(node, "has n_supports = " + std::to_string(vectors));
  LATHE_ASSIGN(Machine machine, read_machine(node, static_cast<size_t>(vectors), 1));
  if (vectors > 0 && machine.coefficients.size() != machine.vectors)
    return length_error(node, "coefficients", machine.coefficients.size(), machine.vectors);
  return machine;
}

Status infer_regressor(InferContext& context) {
  LATHE_ASSIGN(const Machine machine, read_regressor(context.node()));
  LATHE_ASSIGN(const Dim rows, infer_rows(context));
  LATHE_TRY(check_features(context, static_cast<int64_t>(machine.features)));
  context.set_tensor(0, ElementType::f32, Dims{rows, Dim(1)});
  return {};
}

Status run_regressor(RunContext& context) {
  LATHE_ASSIGN(const Machine machine, read_regressor(context.node()));
  LATHE_ASSIGN(const Rows rows, row_input(context));
  const bool linear = machine.vectors == 0;
  LATHE_ASSIGN(const auto products, kernel_products(context, machine, rows,
                                                    linear ? machine.coefficients : machine.support_vectors));
  const bool one_class = context.attributes().get_int("one_class", 0) != 0;
  std::vector<double> scores(static_cast<size_t>(rows.count), machine.rho[0]);
  for (size_t i = 0; i < scores.size(); ++i) {
    if (linear)
      scores[i] += products[i];
    else
      scores[i] =
          std::inner_product(machine.coefficients.begin(), machine.coefficients.end(),
                             products.begin() + static_cast<std::ptrdiff_t>(i * machine.vectors), scores[i]);
    apply_transform(machine.transform, std::span(scores).subspan(i, 1));
    if (one_class) scores[i] = scores[i] > 0 ? 1 : -1;
  }
  return give_scores(context, 0, ElementType::f32, rows.count, 1, scores);
}

// ---- SVMClassifier

struct Classifier {
  ClassLabels labels;
  Machine machine;
  std::vector<size_t> starts;  ///< first support vector of each class, and their number
  std::vector<double> prob_a, prob_b;
  size_t classes() const { return labels.size(); }
  size_t pairs() const { return classes() * (classes() - 1) / 2; }
  bool linear() const { return machine.vectors == 0; }
  bool gives_probabilities() const { return !linear() && !prob_a.empty(); }
  size_t width() const { return linear() || gives_probabilities() || classes() == 2 ? classes() : pairs(); }
};

Status check_pairs(const Node& node, const Classifier& classifier) {
  const auto check = [&](const char* name, size_t length) -> Status {
    if (length == classifier.pairs()) return {};
    return length_error(node, name, length, classifier.pairs());
  };
  LATHE_TRY(check("rho", classifier.machine.rho.size()));
  if (!classifier.prob_a.empty()) LATHE_TRY(check("prob_a", classifier.prob_a.size()));
  const size_t coefficients = (classifier.classes() - 1) * classifier.machine.vectors;
  if (classifier.machine.coefficients.size() != coefficients)
    return length_error(node, "coefficients", classifier.machine.coefficients.size(), coefficients);
  return {};
}

Result<Classifier> read_classifier(const Node& node) {
  Classifier classifier;
  LATHE_ASSIGN(classifier.labels, ClassLabels::read(node, "classlabels_ints", "classlabels_strings"));
  const size_t classes = classifier.classes();
  if (classes < 2 || classes > max_classes)
    return node_error(node, "has " + std::to_string(classes) + " classes; 2 to " +
                                std::to_string(max_classes) + " are possible");
  const std::vector<int64_t> counts = node.attributes.get_ints("vectors_per_class");
  if (!counts.empty() && counts.size() != classes)
    return length_error(node, "vectors_per_class", counts.size(), classes);
  constexpr int64_t limit = int64_t{1} << 31;
  classifier.starts = {0};
  for (const int64_t count : counts) {
    if (count < 0 || count > limit)
      return node_error(node, "has " + std::to_string(count) + " as an element of vectors_per_class");
    classifier.starts.push_back(classifier.starts.back() + static_cast<size_t>(count));
  }
  LATHE_ASSIGN(classifier.machine, read_machine(node, classifier.starts.back(), classes));
  LATHE_ASSIGN(classifier.prob_a, number_attribute(node, "prob_a"));
  LATHE_ASSIGN(classifier.prob_b, number_attribute(node, "prob_b"));
  if (classifier.prob_b.size() != classifier.prob_a.size())
    return length_error(node, "prob_b", classifier.prob_b.size(), classifier.prob_a.size());
  if (!classifier.linear()) LATHE_TRY(check_pairs(node, classifier));
  return classifier;
}

Status infer_svm_classifier(InferContext& context) {
  LATHE_ASSIGN(const Classifier classifier, read_classifier(context.node()));
  LATHE_TRY(check_features(context, static_cast<int64_t>(classifier.machine.features)));
  return infer_classifier(context, classifier.labels, classifier.width());
}

/// A decision for each pair of classes i < j, positive for i. Row r of the coefficients weighs the support
/// vectors of class c against class r, or against class r + 1 from r = c on.
std::vector<double> decide_pairs(const Classifier& classifier, const double* products) {
  const Machine& machine = classifier.machine;
  std::vector<double> decisions;
  decisions.reserve(classifier.pairs());
  const auto add = [&](size_t row, size_t of, double sum) {
    for (size_t k = classifier.starts[of]; k < classifier.starts[of + 1]; ++k)
      sum += machine.coefficients[row * machine.vectors + k] * products[k];
    return sum;
  };
  for (size_t i = 0; i < classifier.classes(); ++i)
    for (size_t j = i + 1; j < classifier.classes(); ++j)
      decisions.push_back(machine.rho[decisions.size()] + add(j - 1, i, 0) + add(i, j, 0));
  return decisions;
}

/// The class that wins most pairs.
size_t most_votes(const Classifier& classifier, const std::vector<double>& decisions) {
  std::vector<size_t> votes(classifier.classes());
  size_t pair = 0;
  for (size_t i = 0; i < votes.size(); ++i)
    for (size_t j = i + 1; j < votes.size(); ++j) ++votes[decisions[pair++] > 0 ? i : j];
  return static_cast<size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
}

/// q p for a square matrix of rows.
std::vector<double> product(const std::vector<double>& q, const std::vector<double>& p) {
  std::vector<double> made;
  for (auto row = q.begin(); row != q.end(); row += static_cast<std::ptrdiff_t>(p.size()))
    made.push_back(std::inner_product(p.begin(), p.end(), row, 0.0));
  return made;
}

/// Probabilities of n classes from `r`, where r[i*n + j] is that of i against j: the p of sum 1 with the
/// least p'Qp, where Q has sums of r_ji^2 on and -r_ji r_ij beside its diagonal; at that p, Qp has all
/// elements equal to p'Qp. Found class by class (Wu, Lin, Weng, "Probability estimates for multi-class
/// classification by pairwise coupling", 2004, second method), to the accuracy that exporters' runtimes use.
std::vector<double> couple(const std::vector<double>& r, size_t n) {
  constexpr int most_sweeps = 100;
  const double accuracy = 0.005 / static_cast<double>(n);
  std::vector<double> q(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      q[i * n + i] += r[j * n + i] * r[j * n + i];
      q[i * n + j] = -r[j * n + i] * r[i * n + j];
    }
  std::vector<double> p(n, 1.0 / static_cast<double>(n));
  for (int sweep = 0; sweep < most_sweeps; ++sweep)
    for (size_t i = 0; i < n; ++i) {
      const std::vector<double> gradient = product(q, p);
      const double least = std::inner_product(p.begin(), p.end(), gradient.begin(), 0.0);
      const auto there = [&](double each) { return std::fabs(each - least) < accuracy; };
      if (i == 0 && std::all_of(gradient.begin(), gradient.end(), there)) return p;
      p[i] += (least - gradient[i]) / q[i * n + i];
      const double sum = std::accumulate(p.begin(), p.end(), 0.0);
      for (double& each : p) each /= sum;
    }
  return p;
}

std::vector<double> probabilities(const Classifier& classifier, const std::vector<double>& decisions) {
  constexpr double least = 1e-7;
  const size_t n = classifier.classes();
  std::vector<double> r(n * n);
  size_t pair = 0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j, ++pair) {
      const double p = 1 - logistic(decisions[pair] * classifier.prob_a[pair] + classifier.prob_b[pair]);
      r[i * n + j] = std::clamp(p, least, 1 - least);
      r[j * n + i] = 1 - r[i * n + j];
    }
  return couple(r, n);
}

Status run_svm_classifier(RunContext& context) {
  LATHE_ASSIGN(const Classifier classifier, read_classifier(context.node()));
  LATHE_ASSIGN(const Rows rows, row_input(context));
  const Machine& machine = classifier.machine;
  LATHE_ASSIGN(const auto products,
               kernel_products(context, machine, rows,
                               classifier.linear() ? machine.coefficients : machine.support_vectors));
  std::vector<double> scores;
  std::vector<size_t> chosen;
  for (int64_t row = 0; row < rows.count; ++row) {
    std::vector<double> one;
    if (classifier.linear()) {
      const auto start = products.begin() + row * static_cast<int64_t>(classifier.classes());
      one.assign(start, start + static_cast<int64_t>(classifier.classes()));
      for (double& score : one) score += machine.rho[0];
      chosen.push_back(argmax(one));
    } else {
      one = decide_pairs(classifier, products.data() + row * static_cast<int64_t>(machine.vectors));
      chosen.push_back(most_votes(classifier, one));
      if (classifier.gives_probabilities()) one = probabilities(classifier, one);
    }
    if (one.size() == 1) {
      const auto [first, second] =
          both_classes(machine.transform, one[0], machine.transform == PostTransform::none);
      one = {first, second};
    } else {
      apply_transform(machine.transform, one);
    }
    scores.insert(scores.end(), one.begin(), one.end());
  }
  LATHE_TRY(classifier.labels.give(context, chosen));
  return give_scores(context, 1, ElementType::f32, rows.count, static_cast<int64_t>(classifier.width()),
                     scores);
}

int64_t svm_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const int64_t rows = inputs[0].size() == 2 ? inputs[0][0] : 1;
  return 2 * rows *
         static_cast<int64_t>(node.attributes.get_floats("support_vectors").size() +
                              node.attributes.get_floats("coefficients").size());
}

}  // namespace

void register_ml_svm(OperatorRegistry& registry) {
  registry.add({ml::domain,
                "SVMClassifier",
                {1},
                1,
                1,
                1,
                2,
                trait_none,
                infer_svm_classifier,
                run_svm_classifier,
                svm_flops});
  registry.add(
      {ml::domain, "SVMRegressor", {1}, 1, 1, 1, 1, trait_none, infer_regressor, run_regressor, svm_flops});
}

}  // namespace lathe
