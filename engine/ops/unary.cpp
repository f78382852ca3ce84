// SPDX-License-Identifier: Apache-2.0
// Elementwise mathematics of one input.
#include <bit>
#include <cmath>
#include <limits>

#include "engine/ops/elementwise.h"
#include "engine/ops/low_precision.h"

namespace lathe {
namespace {

/// A function of floats as a type, so that each operator gets a loop of its own.
template <auto f>
Status run_float(RunContext& context) {
  return map_float(context, f);
}

/// out[i] = f(x[i]) where T is the type of both.
template <class T, class F>
void map_same(const Tensor& x, Tensor& out, F&& f) {
  const auto from = x.data<T>();
  T* to = out.mutable_data<T>().data();
  for (const T element : from) *to++ = f(element);
}

/// Integers through `integer`, floats through `real`.
template <auto integer, auto real>
Status run_numeric(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  if (!is_integer(x->type()) || element_bits(x->type()) < 8) return map_float(context, real);
  LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), x->shape()));
  visit_numeric(x->type(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>)
      map_same<T>(*x, *out, [](T e) { return static_cast<T>(integer(e)); });
  });
  return {};
}

// Negation modulo 2^n: the smallest integer has no counterpart, and signed overflow is undefined.
constexpr auto negate_integer = [](auto x) { return 0 - static_cast<uint64_t>(x); };
constexpr auto abs_integer = [](auto x) {
  return x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
};
constexpr auto sign_integer = [](auto x) { return (x > 0) - (x < 0); };
constexpr auto sign_real = [](auto x) { return x > 0 ? decltype(x)(1) : x < 0 ? decltype(x)(-1) : x; };

Status run_not(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  if (x->type() != ElementType::boolean) return context.type_error(x->type());
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::boolean, x->shape()));
  map_same<bool>(*x, *out, [](bool e) { return !e; });
  return {};
}

Status run_bitwise_not(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  if (!is_integer(x->type()) || element_bits(x->type()) < 8) return context.type_error(x->type());
  LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), x->shape()));
  visit_storage(x->type(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>) {
      const T* from = stored<T>(*x);
      T* to = mutable_stored<T>(*out);
      for (int64_t i = 0; i < x->count(); ++i) to[i] = static_cast<T>(~from[i]);
    }
  });
  return {};
}

/// A test of each float.
template <class Test>
Status run_test(RunContext& context, Test&& test) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  const auto run = [&](const auto& from) -> Status {
    LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::boolean, x->shape()));
    bool* to = out->mutable_data<bool>().data();
    for (int64_t i = 0; i < x->count(); ++i) to[i] = test(from(i));
    return {};
  };
  Status status;
  const bool narrow = visit_low_precision(x->type(), [&](auto tag) {
    const auto elements = x->data<decltype(tag)>();
    status = run([&](int64_t i) { return to_f32(elements[static_cast<size_t>(i)]); });
  });
  if (narrow) return status;
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    const Operand<decltype(tag)> from(*x);
    return run([&](int64_t i) { return from[i]; });
  });
}

Status run_is_nan(RunContext& context) {
  return run_test(context, [](auto x) { return std::isnan(x); });
}

Status run_is_inf(RunContext& context) {
  const bool positive = context.attributes().get_int("detect_positive", 1) != 0;
  const bool negative = context.attributes().get_int("detect_negative", 1) != 0;
  return run_test(context, [=](auto x) { return std::isinf(x) && (x > 0 ? positive : negative); });
}

Status infer_not(InferContext& context) {
  LATHE_TRY(infer_same_bool(context));
  const auto known = context.known_ints(0);
  if (!known) return {};
  std::vector<Dim> elements;
  for (const int64_t element : *known) elements.emplace_back(element == 0 ? 1 : 0);
  context.set_contents(0, std::move(elements));
  return {};
}

Status infer_neg(InferContext& context) {
  LATHE_TRY(infer_same(context));
  auto elements = whole_contents(context, 0);
  if (!elements) return {};
  for (Dim& element : *elements) element = Dim(0) - element;
  context.set_contents(0, *std::move(elements));
  return {};
}

Status infer_abs(InferContext& context) {
  LATHE_TRY(infer_same(context));
  const auto known = context.known_ints(0);
  if (!known) return {};
  std::vector<Dim> elements;
  for (const int64_t element : *known) {
    if (element == std::numeric_limits<int64_t>::min()) return {};
    elements.emplace_back(element < 0 ? -element : element);
  }
  context.set_contents(0, std::move(elements));
  return {};
}

}  // namespace

void register_unary(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*run)(RunContext&),
                       Status (*infer)(InferContext&) = infer_same) {
    registry.add({"", name, std::move(versions), 1, 1, 1, 1, trait_elementwise, infer, run});
  };
  add("Acos", {7, 22}, run_float<[](auto x) { return std::acos(x); }>);
  add("Acosh", {9, 22}, run_float<[](auto x) { return std::acosh(x); }>);
  add("Asin", {7, 22}, run_float<[](auto x) { return std::asin(x); }>);
  add("Asinh", {9, 22}, run_float<[](auto x) { return std::asinh(x); }>);
  add("Atan", {7, 22}, run_float<[](auto x) { return std::atan(x); }>);
  add("Atanh", {9, 22}, run_float<[](auto x) { return std::atanh(x); }>);
  add("Cos", {7, 22}, run_float<[](auto x) { return std::cos(x); }>);
  add("Cosh", {9, 22}, run_float<[](auto x) { return std::cosh(x); }>);
  add("Sin", {7, 22}, run_float<[](auto x) { return std::sin(x); }>);
  add("Sinh", {9, 22}, run_float<[](auto x) { return std::sinh(x); }>);
  add("Tan", {7, 22}, run_float<[](auto x) { return std::tan(x); }>);
  add("Tanh", {1, 6, 13}, run_float<[](auto x) { return std::tanh(x); }>);
  add("Erf", {9, 13},
      run_numeric<[](auto x) { return (x > 0) - (x < 0); }, [](auto x) { return std::erf(x); }>);
  add("Exp", {1, 6, 13}, run_float<[](auto x) { return std::exp(x); }>);
  add("Log", {1, 6, 13}, run_float<[](auto x) { return std::log(x); }>);
  add("Sqrt", {1, 6, 13}, run_float<[](auto x) { return std::sqrt(x); }>);
  add("Reciprocal", {1, 6, 13}, run_float<[](auto x) { return decltype(x)(1) / x; }>);
  add("Ceil", {1, 6, 13}, run_float<[](auto x) { return std::ceil(x); }>, infer_same_contents);
  add("Floor", {1, 6, 13}, run_float<[](auto x) { return std::floor(x); }>, infer_same_contents);
  add("Round", {11, 22}, run_float<[](auto x) { return std::nearbyint(x); }>, infer_same_contents);
  add("Abs", {1, 6, 13}, run_numeric<abs_integer, [](auto x) { return std::abs(x); }>, infer_abs);
  add("Neg", {1, 6, 13}, run_numeric<negate_integer, [](auto x) { return -x; }>, infer_neg);
  add("Sign", {9, 13}, run_numeric<sign_integer, sign_real>);
  add("Not", {1}, run_not, infer_not);
  add("BitwiseNot", {18}, run_bitwise_not);
  add("IsNaN", {9, 13, 20}, run_is_nan, infer_same_bool);
  add("IsInf", {10, 20}, run_is_inf, infer_same_bool);
}

}  // namespace lathe
