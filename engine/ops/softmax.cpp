// SPDX-License-Identifier: Apache-2.0
// Softmax, LogSoftmax and Hardmax.
#include <cmath>
#include <limits>

#include "engine/ops/infer_util.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

enum class Kind { softmax, log_softmax, hardmax };

int64_t axis_attribute(const Node& node) {
  return node.attributes.get_int("axis", node.version < 13 ? 1 : -1);
}

/// Before opset 13 the input was seen as a matrix: everything from `axis` on is one axis.
Result<AxisSplit> normalised_part(const Node& node, const Shape& shape) {
  if (shape.empty()) return AxisSplit{};
  if (node.version < 13) {
    const int64_t axis = axis_attribute(node);
    const auto rank = static_cast<int64_t>(shape.size());
    if (axis < -rank || axis > rank)
      return node_error(node,
                        "has axis " + std::to_string(axis) + " for an input of shape " + to_string(shape));
    const auto at = static_cast<size_t>(axis < 0 ? axis + rank : axis);
    return AxisSplit{size_between(shape, 0, at), size_between(shape, at, shape.size()), 1};
  }
  LATHE_ASSIGN(const size_t axis, resolve_axis(node, axis_attribute(node), shape.size()));
  return split_at(shape, axis);
}

/// One matrix [size, inner], normalised along its first axis. `largest` and `sums` are scratch of `inner`
/// elements.
template <Kind kind, class A>
void normalise(const A* x, A* y, int64_t size, int64_t inner, A* largest, double* sums) {
  std::fill_n(largest, inner, -std::numeric_limits<A>::infinity());
  std::fill_n(sums, inner, 0.0);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < inner; ++j) largest[j] = std::max(largest[j], x[i * inner + j]);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      const A shifted = x[i * inner + j] - largest[j];
      const A e = std::exp(shifted);
      y[i * inner + j] = kind == Kind::softmax ? e : shifted;
      sums[j] += static_cast<double>(e);
    }
  for (int64_t j = 0; j < inner; ++j) sums[j] = kind == Kind::softmax ? 1 / sums[j] : std::log(sums[j]);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      A& to = y[i * inner + j];
      to = kind == Kind::softmax ? to * static_cast<A>(sums[j]) : to - static_cast<A>(sums[j]);
    }
}

/// The same for a single row, in registers.
template <Kind kind, class A>
void normalise_row(const A* x, A* y, int64_t size) {
  A largest = -std::numeric_limits<A>::infinity();
  for (int64_t i = 0; i < size; ++i) largest = x[i] > largest ? x[i] : largest;
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    const A shifted = x[i] - largest;
    const A e = std::exp(shifted);
    y[i] = kind == Kind::softmax ? e : shifted;
    sum += static_cast<double>(e);
  }
  const A factor = static_cast<A>(1 / sum), shift = static_cast<A>(std::log(sum));
  for (int64_t i = 0; i < size; ++i) y[i] = kind == Kind::softmax ? y[i] * factor : y[i] - shift;
}

/// 1 where the first largest element is.
template <class A>
void mark_largest(const A* x, A* y, int64_t size, int64_t inner) {
  std::fill_n(y, size * inner, A(0));
  for (int64_t j = 0; j < inner; ++j) {
    int64_t best = 0;
    for (int64_t i = 1; i < size; ++i)
      if (x[i * inner + j] > x[best * inner + j]) best = i;
    if (size > 0) y[best * inner + j] = A(1);
  }
}

template <Kind kind>
Status run_softmax(RunContext& context) {
  LATHE_ASSIGN(const Tensor* input, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const AxisSplit split, normalised_part(context.node(), input->shape()));
  return compute_float(context, input->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*input);
    LATHE_ASSIGN(OutputBuffer<A> to, OutputBuffer<A>::make(context, 0, input->type(), input->shape()));
    const auto inner = static_cast<size_t>(split.inner);
    std::vector<A> largest(inner);
    std::vector<double> sums(inner);
    for (int64_t outer = 0; outer < split.outer; ++outer) {
      const A* x = from.data() + outer * split.size * split.inner;
      A* y = to.data() + outer * split.size * split.inner;
      if constexpr (kind == Kind::hardmax)
        mark_largest(x, y, split.size, split.inner);
      else if (split.inner == 1)
        normalise_row<kind>(x, y, split.size);
      else
        normalise<kind>(x, y, split.size, split.inner, largest.data(), sums.data());
    }
    to.finish();
    return {};
  });
}

Status infer_softmax(InferContext& context) {
  if (const Dims* dims = context.dims(0); dims != nullptr && !dims->empty()) {
    // Old versions take an axis one past the end.
    const int64_t axis = axis_attribute(context.node());
    if (context.version() >= 13 || axis != static_cast<int64_t>(dims->size())) {
      LATHE_TRY(resolve_axis(context.node(), axis, dims->size()));
    }
  }
  return infer_same(context);
}

int64_t softmax_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 5 * element_count(inputs[0]);  // largest, subtract, exponential, sum, scale
}

}  // namespace

void register_softmax(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, Status (*run)(RunContext&)) {
    registry.add({"", name, {1, 11, 13}, 1, 1, 1, 1, trait_none, infer_softmax, run, softmax_flops});
  };
  add("Softmax", run_softmax<Kind::softmax>);
  add("LogSoftmax", run_softmax<Kind::log_softmax>);
  add("Hardmax", run_softmax<Kind::hardmax>);
}

}  // namespace lathe
