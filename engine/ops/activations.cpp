// SPDX-License-Identifier: Apache-2.0
// Activation functions of one input, and Clip and PRelu.
#include <cmath>
#include <limits>

#include "engine/ops/activation.h"
#include "engine/ops/elementwise.h"

namespace lathe {
namespace {

/// The attribute's number as the spec writes it: 0.2 stays 0.2f for f32 and is 0.2 rounded to f32 for f64.
template <class Function>
Status run_with(RunContext& context) {
  const float alpha = context.attributes().get_float(Function::alpha_name, Function::alpha);
  const float beta = context.attributes().get_float(Function::beta_name, Function::beta);
  return map_float(context, [=](auto x) {
    using A = decltype(x);
    return Function::of(x, A(alpha), A(beta));
  });
}

struct Named {
  static constexpr const char* alpha_name = "alpha";
  static constexpr const char* beta_name = "beta";
  static constexpr float alpha = 1, beta = 0;
};
struct LeakyRelu : Named {
  static constexpr float alpha = 0.01F;
  template <class A>
  static A of(A x, A alpha, A) {
    return x < 0 ? alpha * x : x;
  }
};
struct Elu : Named {
  template <class A>
  static A of(A x, A alpha, A) {
    return x < 0 ? alpha * std::expm1(x) : x;
  }
};
struct Selu : Named {
  static constexpr const char* beta_name = "gamma";
  static constexpr float alpha = 1.67326319217681884765625F, beta = 1.05070102214813232421875F;
  template <class A>
  static A of(A x, A alpha, A gamma) {
    return gamma * (x > 0 ? x : alpha * std::expm1(x));
  }
};
struct Celu : Named {
  template <class A>
  static A of(A x, A alpha, A) {
    return x < 0 ? alpha * std::expm1(x / alpha) : x;
  }
};
struct HardSigmoid : Named {
  static constexpr float alpha = 0.2F, beta = 0.5F;
  template <class A>
  static A of(A x, A alpha, A beta) {
    const A y = alpha * x + beta;
    return y < 0 ? A(0) : y > 1 ? A(1) : y;
  }
};
struct ThresholdedRelu : Named {
  template <class A>
  static A of(A x, A alpha, A) {
    return x > alpha ? x : std::isnan(x) ? x : A(0);
  }
};
struct Swish : Named {
  template <class A>
  static A of(A x, A alpha, A) {
    return x / (A(1) + std::exp(-alpha * x));
  }
};

template <class A>
A softplus(A x) {
  return std::max(x, A(0)) + std::log1p(std::exp(-std::abs(x)));
}

template <ActivationKind kind>
Status run_activation(RunContext& context) {
  const Activation activation(kind);
  return map_float(context, [&](auto x) { return activate(activation, x); });
}

Status run_sigmoid(RunContext& context) {
  return map_float(context, [](auto x) {
    using A = decltype(x);
    // Of the magnitude, so that exp never overflows.
    const A e = std::exp(-std::abs(x));
    return (x >= 0 ? A(1) : e) / (A(1) + e);
  });
}
Status run_softplus(RunContext& context) {
  return map_float(context, [](auto x) { return softplus(x); });
}
Status run_softsign(RunContext& context) {
  return map_float(context, [](auto x) { return x / (decltype(x)(1) + std::abs(x)); });
}
Status run_mish(RunContext& context) {
  return map_float(context, [](auto x) { return x * std::tanh(softplus(x)); });
}
Status run_gelu(RunContext& context) {
  return context.attributes().get_string("approximate", "none") == "tanh"
             ? run_activation<ActivationKind::gelu_tanh>(context)
             : run_activation<ActivationKind::gelu>(context);
}

/// Any numeric type: y = f(x) with f made for that type.
template <class Make>
Status map_numeric(RunContext& context, Make&& make) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), x->shape()));
  const bool known = visit_numeric(x->type(), [&](auto tag) {
    using T = decltype(tag);
    const auto f = make(tag);
    T* to = out->mutable_data<T>().data();
    for (const T element : x->data<T>()) *to++ = f(element);
  });
  if (!known) return context.type_error(x->type());
  return {};
}

Status run_relu(RunContext& context) {
  return map_numeric(context, [](auto tag) {
    using T = decltype(tag);
    return [](T x) { return x < T(0) ? T(0) : x; };
  });
}

/// Shrink computes in double, which holds all its types' values that matter, and truncates back.
Status run_shrink(RunContext& context) {
  const double lambd = context.attributes().get_float("lambd", 0.5F);
  const double bias = context.attributes().get_float("bias", 0.0F);
  return map_numeric(context, [=](auto tag) {
    using T = decltype(tag);
    return [=](T element) {
      const auto x = static_cast<double>(element);
      const double y = x < -lambd ? x + bias : x > lambd ? x - bias : 0.0;
      if constexpr (std::is_integral_v<T>) {
        // Large bounds are not exact in double: compare before the conversion, which would be undefined.
        if (!(y > static_cast<double>(std::numeric_limits<T>::min()))) return std::numeric_limits<T>::min();
        if (y >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
      }
      return static_cast<T>(y);
    };
  });
}

/// The bound in input i, or the attribute of old opsets, or none.
template <class T>
Result<T> clip_bound(const RunContext& context, size_t i, const char* name, T none) {
  if (context.version() < 11) {
    if (!context.attributes().has(name)) return none;
    return T(context.attributes().get_float(name, 0));
  }
  if (!context.has_input(i)) return none;
  const Tensor& bound = context.tensor(i);
  if (bound.type() != context.tensor(0).type() || bound.count() != 1)
    return context.error(std::string(name) + " must be a scalar of the input's element type");
  return bound.data<T>()[0];
}

Status run_clip(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  Status status;
  const bool known = visit_numeric(x->type(), [&](auto tag) {
    using T = decltype(tag);
    status = [&]() -> Status {
      T low{}, high{};
      if constexpr (std::is_integral_v<T>) {
        low = std::numeric_limits<T>::min();
        high = std::numeric_limits<T>::max();
      } else {
        low = T(-std::numeric_limits<float>::infinity());
        high = T(std::numeric_limits<float>::infinity());
      }
      LATHE_ASSIGN(low, clip_bound<T>(context, 1, "min", low));
      LATHE_ASSIGN(high, clip_bound<T>(context, 2, "max", high));
      LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), x->shape()));
      T* to = out->mutable_data<T>().data();
      // As NumPy: where min > max, max wins; NaN stays.
      for (T element : x->data<T>()) {
        if (element < low) element = low;
        *to++ = element > high ? high : element;
      }
      return {};
    }();
  });
  return known ? status : Status(context.type_error(x->type()));
}

Status run_prelu(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const Tensor* slope, tensor_input(context, 1, "slope"));
  if (slope->type() != x->type()) return context.error("has a slope of another element type");
  Shape shape = slope->shape();
  // Before opset 7 a slope of rank 1 was per channel.
  if (context.version() < 7 && shape.size() == 1 && x->rank() > 1 && shape[0] != 1)
    shape.resize(x->rank() - 1, 1);
  if (broadcast(x->shape(), shape) != x->shape())
    return context.error("has a slope of shape " + to_string(slope->shape()) + " for an input of shape " +
                         to_string(x->shape()));
  const BroadcastLoop loop(x->shape(), std::array{x->shape(), shape});
  LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), x->shape()));
  const bool known = visit_numeric(x->type(), [&](auto tag) {
    using T = decltype(tag);
    binary_loop(loop, x->data<T>().data(), slope->data<T>().data(), out->mutable_data<T>().data(),
                [](T e, T s) {
                  if constexpr (std::is_integral_v<T>)
                    return e < 0 ? static_cast<T>(static_cast<uint64_t>(e) * static_cast<uint64_t>(s)) : e;
                  else
                    return e < T(0) ? T(e * s) : e;
                });
  });
  if (!known) return context.type_error(x->type());
  return {};
}

}  // namespace

void register_activations(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*run)(RunContext&),
                       int inputs = 1, int min_inputs = 1) {
    registry.add(
        {"", name, std::move(versions), min_inputs, inputs, 1, 1, trait_elementwise, infer_same, run});
  };
  add("Relu", {1, 6, 13, 14}, run_relu);
  add("Sigmoid", {1, 6, 13}, run_sigmoid);
  add("LeakyRelu", {1, 6, 16}, run_with<LeakyRelu>);
  add("Elu", {1, 6, 22}, run_with<Elu>);
  add("Selu", {1, 6, 22}, run_with<Selu>);
  add("Celu", {12, 28}, run_with<Celu>);
  add("HardSigmoid", {1, 6, 22}, run_with<HardSigmoid>);
  add("HardSwish", {14, 22}, run_activation<ActivationKind::hard_swish>);
  add("ThresholdedRelu", {10, 22}, run_with<ThresholdedRelu>);
  add("Swish", {24}, run_with<Swish>);
  add("Softplus", {1, 22}, run_softplus);
  add("Softsign", {1, 22}, run_softsign);
  add("Mish", {18, 22}, run_mish);
  add("Gelu", {20}, run_gelu);
  add("Shrink", {9}, run_shrink);
  add("Clip", {1, 6, 11, 12, 13}, run_clip, 3);
  add("PRelu", {1, 6, 7, 9, 16}, run_prelu, 2, 2);
}

}  // namespace lathe
