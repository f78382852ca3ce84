// SPDX-License-Identifier: Apache-2.0
// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. Inputs are [N, C, D1, ..], targets [N, D1, ..].
#include <cmath>
#include <limits>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

enum class Reduction { none, sum, mean };

Result<Reduction> reduction_of(const Node& node) {
  const std::string name = node.attributes.get_string("reduction", "mean");
  if (name == "none") return Reduction::none;
  if (name == "sum") return Reduction::sum;
  if (name == "mean") return Reduction::mean;
  return node_error(node, "has an unknown reduction '" + name + "'");
}

template <class T>
std::vector<T> without_classes(std::vector<T> shape) {
  shape.erase(shape.begin() + 1);
  return shape;
}

Status infer_loss(InferContext& context) {
  LATHE_ASSIGN(const Reduction reduction, reduction_of(context.node()));
  const Dims* dims = context.dims(0);
  if (dims != nullptr && dims->size() < 2)
    return node_error(context.node(), "needs an input [N, C, ..], not " + to_string(*dims));
  std::optional<Dims> loss;
  if (reduction != Reduction::none)
    loss = Dims{};
  else if (dims != nullptr)
    loss = without_classes(*dims);
  else
    loss = dims_or_unknown(context, 1);
  if (const Dims* target = context.dims(1);
      target != nullptr && dims != nullptr && target->size() + 1 != dims->size())
    return node_error(context.node(), "has a target of shape " + to_string(*target) +
                                          " for an input of shape " + to_string(*dims));
  context.set_tensor(0, context.element(0), std::move(loss));
  if (context.has_output(1)) set_same_shape(context, 1, context.element(0));
  return {};
}

/// The checked targets: class of every position, -1 where it is ignored.
Result<std::vector<int64_t>> classes_of(const RunContext& context, const Tensor& x) {
  LATHE_ASSIGN(const Tensor* target, tensor_input(context, 1, "target"));
  if (x.rank() < 2 || target->shape() != without_classes(x.shape()))
    return context.error("has a target of shape " + to_string(target->shape()) + " for an input of shape " +
                         to_string(x.shape()));
  LATHE_ASSIGN(std::vector<int64_t> classes, int_input(context, 1, "target"));
  const bool ignores = context.attributes().has("ignore_index");
  const int64_t ignored = context.attributes().get_int("ignore_index", 0);
  for (int64_t& index : classes) {
    if (ignores && index == ignored)
      index = -1;
    else if (index < 0 || index >= x.dim(1))
      return context.error("has target " + std::to_string(index) + " for " + std::to_string(x.dim(1)) +
                           " classes");
  }
  return classes;
}

/// Writes output 0 from logarithms of probabilities of x's shape.
template <class A>
Status give_loss(RunContext& context, const Tensor& x, const A* log_prob) {
  LATHE_ASSIGN(const Reduction reduction, reduction_of(context.node()));
  LATHE_ASSIGN(const std::vector<int64_t> classes, classes_of(context, x));
  const Operand<double> weights = optional_operand<double>(context, 2);
  if (weights && context.tensor(2).count() != x.dim(1))
    return context.error("has " + std::to_string(context.tensor(2).count()) + " weights for " +
                         std::to_string(x.dim(1)) + " classes");
  const int64_t class_count = x.dim(1), inner = size_between(x.shape(), 2, x.rank());
  const bool single = reduction != Reduction::none;
  LATHE_ASSIGN(auto out,
               OutputBuffer<A>::make(context, 0, x.type(), single ? Shape{} : without_classes(x.shape())));
  double sum = 0, weight_sum = 0;
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    const int64_t index = classes[i];
    double loss = 0;
    if (index >= 0) {
      const double weight = weights ? weights[index] : 1;
      loss = -weight * static_cast<double>(
                           log_prob[(position / inner * class_count + index) * inner + position % inner]);
      weight_sum += weight;
    }
    sum += loss;
    if (!single) out[position] = static_cast<A>(loss);
  }
  if (single) out[0] = static_cast<A>(reduction == Reduction::mean ? sum / weight_sum : sum);
  out.finish();
  return {};
}

Status run_nll_loss(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    const Operand<decltype(tag)> log_prob(*x);
    return give_loss(context, *x, log_prob.data());
  });
}

/// y = log(softmax(x)) over the second axis.
template <class A>
void log_softmax(const Shape& shape, const A* x, A* y) {
  const AxisSplit split = split_at(shape, 1);
  for (int64_t row = 0; row < split.outer * split.inner; ++row) {
    const int64_t start = row / split.inner * split.size * split.inner + row % split.inner;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t c = 0; c < split.size; ++c)
      largest = std::max(largest, static_cast<double>(x[start + c * split.inner]));
    for (int64_t c = 0; c < split.size; ++c)
      sum += std::exp(static_cast<double>(x[start + c * split.inner]) - largest);
    const double shift = largest + std::log(sum);
    for (int64_t c = 0; c < split.size; ++c) {
      const int64_t at = start + c * split.inner;
      y[at] = static_cast<A>(static_cast<double>(x[at]) - shift);
    }
  }
}

Status run_cross_entropy(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "scores"));
  if (x->rank() < 2) return context.error("needs scores [N, C, ..], not " + to_string(x->shape()));
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> scores(*x);
    std::vector<A> log_prob(static_cast<size_t>(x->count()));
    log_softmax(x->shape(), scores.data(), log_prob.data());
    if (context.has_output(1)) {
      LATHE_ASSIGN(auto out, OutputBuffer<A>::make(context, 1, x->type(), x->shape()));
      std::copy(log_prob.begin(), log_prob.end(), out.data());
      out.finish();
    }
    return give_loss(context, *x, log_prob.data());
  });
}

}  // namespace

void register_losses(OperatorRegistry& registry) {
  registry.add({"",
                "NegativeLogLikelihoodLoss",
                {12, 13, 22},
                2,
                3,
                1,
                1,
                trait_none,
                infer_loss,
                run_nll_loss,
                nullptr});
  registry.add({"",
                "SoftmaxCrossEntropyLoss",
                {12, 13},
                2,
                3,
                1,
                2,
                trait_none,
                infer_loss,
                run_cross_entropy,
                nullptr});
}

}  // namespace lathe
