// SPDX-License-Identifier: Apache-2.0
// Elementwise operators of any number of inputs: Max, Min, Sum and Mean.
#include <cmath>

#include "engine/ops/binary.h"

namespace lathe {
namespace {

/// NaN wins, as in NumPy.
template <class T>
bool is_nan(T value) {
  if constexpr (std::is_integral_v<T>)
    return false;
  else
    return std::isnan(value);
}
struct MaxOf {
  template <class T>
  static T of(T a, T b) {
    return a > b || is_nan(a) ? a : b;
  }
};
struct MinOf {
  template <class T>
  static T of(T a, T b) {
    return a < b || is_nan(a) ? a : b;
  }
};
struct SumOf {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    else
      return a + b;
  }
};

/// to[i] = f(to[i], x[i]) with x broadcast to `target`.
template <class T, class F>
void fold_input(const Shape& target, const Tensor& x, Wide<T>* to, F&& f) {
  const BroadcastLoop loop(target, std::array{x.shape()});
  const T* from = x.data<T>().data();
  loop.for_each_run([&](int64_t o, const BroadcastLoop::Offsets& at, int64_t n) {
    const T* run = from + at[0];
    Wide<T>* out = to + o;
    if (loop.steps(0)) {
      for (int64_t i = 0; i < n; ++i) out[i] = f(out[i], static_cast<Wide<T>>(run[i]));
    } else {
      const auto element = static_cast<Wide<T>>(*run);
      for (int64_t i = 0; i < n; ++i) out[i] = f(out[i], element);
    }
  });
}

/// Folds all inputs in the wide type; `finish` maps the result of each element.
template <class Op, class T, class Finish>
void fold(const std::vector<const Tensor*>& inputs, Tensor& out, Finish&& finish) {
  using W = Wide<T>;
  std::vector<W> scratch;
  W* to = nullptr;
  if constexpr (std::is_same_v<T, W>) {
    to = out.mutable_data<T>().data();
  } else {
    scratch.resize(static_cast<size_t>(out.count()));
    to = scratch.data();
  }
  fold_input<T>(out.shape(), *inputs[0], to, [](W, W x) { return x; });
  for (size_t i = 1; i < inputs.size(); ++i)
    fold_input<T>(out.shape(), *inputs[i], to, [](W a, W x) { return Op::of(a, x); });
  T* stored = out.mutable_data<T>().data();
  for (int64_t i = 0; i < out.count(); ++i) stored[i] = static_cast<T>(finish(to[i]));
}

/// The inputs, checked to be of one type and to broadcast; and the shape they broadcast to.
struct Inputs {
  std::vector<const Tensor*> tensors;
  Shape shape;
};
Result<Inputs> variadic_inputs(const RunContext& context) {
  Inputs in;
  for (size_t i = 0; i < context.input_count(); ++i) {
    LATHE_ASSIGN(const Tensor* x, tensor_input(context, i, ("data_" + std::to_string(i)).c_str()));
    if (i == 0) in.shape = x->shape();
    if (i > 0 && x->type() != in.tensors[0]->type())
      return context.error(std::string("has inputs of types ") + to_string(in.tensors[0]->type()) + " and " +
                           to_string(x->type()));
    const auto shape = broadcast(in.shape, x->shape());
    if (!shape)
      return context.error("has an input of shape " + to_string(x->shape()) +
                           ", which does not broadcast with " + to_string(in.shape));
    in.shape = *shape;
    in.tensors.push_back(x);
  }
  if (in.tensors.empty()) return context.error("needs at least one input");
  return in;
}

template <class Op, bool mean = false>
Status run_variadic(RunContext& context) {
  LATHE_ASSIGN(const Inputs in, variadic_inputs(context));
  const ElementType type = in.tensors[0]->type();
  LATHE_ASSIGN(Tensor * out, context.output(0, type, in.shape));
  const bool known = visit_numeric(type, [&](auto tag) {
    using T = decltype(tag);
    const Tensor& a = *in.tensors[0];
    if (!mean && in.tensors.size() == 2) {
      const Tensor& b = *in.tensors[1];
      binary_loop(BroadcastLoop(in.shape, std::array{a.shape(), b.shape()}), a.data<T>().data(),
                  b.data<T>().data(), out->mutable_data<T>().data(),
                  [](T x, T y) { return static_cast<T>(Op::of(Wide<T>(x), Wide<T>(y))); });
      return;
    }
    const auto count = static_cast<int64_t>(in.tensors.size());
    fold<Op, T>(in.tensors, *out, [=](Wide<T> x) {
      if constexpr (!mean)
        return x;
      else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>)
        return static_cast<uint64_t>(x) / static_cast<uint64_t>(count);
      else if constexpr (std::is_integral_v<T>)
        return x / count;
      else
        return x / static_cast<Wide<T>>(count);
    });
  });
  if (!known) return context.type_error(type);
  return {};
}

std::optional<Dim> larger(const Dim& a, const Dim& b) {
  return dim_max(a, b);
}
std::optional<Dim> smaller(const Dim& a, const Dim& b) {
  return dim_min(a, b);
}
std::optional<Dim> sum(const Dim& a, const Dim& b) {
  return a + b;
}

template <auto combine>
Status infer_variadic(InferContext& context) {
  LATHE_TRY(check_same_elements(context));
  LATHE_ASSIGN(const std::optional<Dims> dims, broadcast_inputs(context));
  const ElementType type = context.element(0);
  context.set_tensor(0, type, dims);
  const bool propagates = type == ElementType::i64 || type == ElementType::i32 || is_float(type);
  if constexpr (combine != nullptr)
    if (propagates && context.input_count() == 2) propagate_binary(context, dims, combine);
  return {};
}

}  // namespace

void register_variadic(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*run)(RunContext&),
                       Status (*infer)(InferContext&)) {
    registry.add({"", name, std::move(versions), 1, -1, 1, 1, trait_elementwise, infer, run});
  };
  add("Max", {1, 6, 8, 12, 13}, run_variadic<MaxOf>, infer_variadic<larger>);
  add("Min", {1, 6, 8, 12, 13}, run_variadic<MinOf>, infer_variadic<smaller>);
  add("Sum", {1, 6, 8, 13}, run_variadic<SumOf>, infer_variadic<sum>);
  add("Mean", {1, 6, 8, 13}, run_variadic<SumOf, true>, infer_variadic<nullptr>);
}

}  // namespace lathe
