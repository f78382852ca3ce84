// SPDX-License-Identifier: Apache-2.0
// What operators that normalise rows of elements share: moments of a row, and the scale and bias they apply.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "engine/ops/elementwise.h"

namespace lathe {

/// Sum of f(x[i]) in double, in lanes that the compiler makes a vector of.
template <class A, class F>
double sum_of(const A* x, int64_t count, F&& f) {
  constexpr int64_t lanes = 8;
  std::array<double, lanes> partial{};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      partial[static_cast<size_t>(lane)] += f(static_cast<double>(x[i + lane]));
  for (; i < count; ++i) partial[0] += f(static_cast<double>(x[i]));
  double sum = 0;
  for (const double part : partial) sum += part;
  return sum;
}

struct Moments {
  double mean = 0, variance = 0;
  double inverse_deviation(double epsilon) const { return 1 / std::sqrt(variance + epsilon); }
};
/// Mean and population variance, in two passes; NaN for no elements.
template <class A>
Moments moments_of(const A* x, int64_t count) {
  const auto n = static_cast<double>(count);
  const double mean = sum_of(x, count, [](double e) { return e; }) / n;
  return {mean, sum_of(x, count, [mean](double e) { return (e - mean) * (e - mean); }) / n};
}
/// Moments with mean 0: the variance is the mean of squares.
template <class A>
Moments mean_square_of(const A* x, int64_t count) {
  return {0, sum_of(x, count, [](double e) { return e * e; }) / static_cast<double>(count)};
}

/// y = (x - mean) * factor * scale + bias; scale and bias one per element, or null.
template <class A>
void apply_moments(const A* x, A* y, int64_t count, double mean, double factor, const A* scale,
                   const A* bias) {
  for (int64_t i = 0; i < count; ++i) y[i] = static_cast<A>((static_cast<double>(x[i]) - mean) * factor);
  if (scale != nullptr)
    for (int64_t i = 0; i < count; ++i) y[i] *= scale[i];
  if (bias != nullptr)
    for (int64_t i = 0; i < count; ++i) y[i] += bias[i];
}

/// A scale or bias that broadcasts to an input of `shape` whose rows are the axes from `axis` on.
template <class A>
class RowParameter {
 public:
  /// Of input i; when it is absent, every row() is null. An error when the shapes do not fit.
  static Result<RowParameter> make(const RunContext& context, size_t i, const Shape& shape, size_t axis) {
    RowParameter made;
    if (!context.has_input(i)) return made;
    LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, i, "scale or bias"));
    made.operand_ = Operand<A>(*tensor);
    Shape target(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end());
    const bool per_row = broadcast(tensor->shape(), target) == target;
    if (!per_row) target = shape;
    if (broadcast(tensor->shape(), target) != target)
      return context.error("has a scale or bias of shape " + to_string(tensor->shape()) +
                           " for an input of shape " + to_string(shape));
    made.row_stride_ = per_row ? 0 : element_count(std::span(shape).subspan(axis));
    made.data_ = made.operand_.data();
    if (tensor->count() == element_count(target)) return made;
    made.expanded_.resize(static_cast<size_t>(element_count(target)));
    const BroadcastLoop loop(target, std::array{tensor->shape()});
    loop.for_each_run([&](int64_t to, const BroadcastLoop::Offsets& from, int64_t count) {
      for (int64_t k = 0; k < count; ++k)
        made.expanded_[static_cast<size_t>(to + k)] = made.data_[from[0] + (loop.steps(0) ? k : 0)];
    });
    made.data_ = made.expanded_.data();
    return made;
  }
  RowParameter() = default;
  RowParameter(RowParameter&&) noexcept = default;
  RowParameter& operator=(RowParameter&&) noexcept = default;

  const A* row(int64_t index) const { return data_ == nullptr ? nullptr : data_ + index * row_stride_; }

 private:
  Operand<A> operand_;
  std::vector<A> expanded_;
  const A* data_ = nullptr;
  int64_t row_stride_ = 0;
};

}  // namespace lathe
