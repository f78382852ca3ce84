// SPDX-License-Identifier: Apache-2.0
// Gemm, and com.microsoft.FusedGemm, which adds an activation.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "engine/ops/activation.h"
#include "engine/ops/matmul.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

/// Sizes of op(A) op(B).
template <class Size>
struct GemmSizes {
  Size m, n, k, k_of_b;
};

template <class Size>
GemmSizes<Size> gemm_sizes(const Node& node, const std::vector<Size>& a, const std::vector<Size>& b) {
  const bool trans_a = node.attributes.get_int("transA", 0) != 0,
             trans_b = node.attributes.get_int("transB", 0) != 0;
  return {a[trans_a ? 1 : 0], b[trans_b ? 0 : 1], a[trans_a ? 0 : 1], b[trans_b ? 1 : 0]};
}

Status infer_gemm(InferContext& context) {
  const Dims* a = context.dims(0);
  const Dims* b = context.dims(1);
  std::optional<Dims> output;
  if (a != nullptr && b != nullptr) {
    if (a->size() != 2 || b->size() != 2)
      return node_error(context.node(), "needs matrices, not " + to_string(*a) + " and " + to_string(*b));
    const auto sizes = gemm_sizes<Dim>(context.node(), *a, *b);
    if (sizes.k.known() && sizes.k_of_b.known() && !(sizes.k == sizes.k_of_b))
      return node_error(context.node(), "cannot multiply shapes " + to_string(*a) + " and " + to_string(*b));
    output = Dims{sizes.m, sizes.n};
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

template <class A>
A scaled(float factor, A value) {
  if (factor == 1) return value;
  if constexpr (std::is_integral_v<A>)
    return static_cast<A>(static_cast<int64_t>(factor * static_cast<double>(static_cast<int64_t>(value))));
  else
    return static_cast<A>(factor) * value;
}

/// The functions that FusedGemm has besides those of the other fused operators; false when it is none of
/// them.
template <class A>
bool activate_gemm_only(const Node& node, std::span<A> elements) {
  const std::string name = node.attributes.get_string("activation", "");
  const auto parameter = [&](const char* which, float fallback) {
    return static_cast<A>(node.attributes.get_float(std::string("activation_") + which, fallback));
  };
  if (name == "Selu") {
    const A alpha = parameter("alpha", 1.67326319F), gamma = parameter("gamma", 1.05070102F);
    for (A& x : elements) x = gamma * (x > 0 ? x : alpha * std::expm1(x));
    return true;
  }
  if (name != "ParametricSoftplus") return false;
  const A alpha = parameter("alpha", 1), beta = parameter("beta", 1);
  for (A& x : elements) x = alpha * (std::max(beta * x, A(0)) + std::log1p(std::exp(-std::abs(beta * x))));
  return true;
}

Status run_gemm(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, 2, "A"));
  LATHE_TRY(check_rank(context, 1, 2, "B"));
  const Tensor &a = context.tensor(0), &b = context.tensor(1);
  if (a.type() != b.type()) return context.error("has inputs of different element types");
  const auto sizes = gemm_sizes(context.node(), a.shape(), b.shape());
  if (sizes.k != sizes.k_of_b)
    return context.error("cannot multiply shapes " + to_string(a.shape()) + " and " + to_string(b.shape()));
  const Shape output{sizes.m, sizes.n};
  std::vector<int64_t> c_strides;
  if (context.has_input(2)) {
    const Shape& c = context.tensor(2).shape();
    if (c.size() > 2 || broadcast(c, output) != output)
      return context.error("cannot broadcast C of shape " + to_string(c) + " to " + to_string(output));
    c_strides = broadcast_strides(c, output);
  }
  const bool gemm_only = activate_gemm_only<float>(context.node(), {});
  Activation activation;
  if (!gemm_only) {
    LATHE_ASSIGN(activation, parse_activation(context.node(), "activation_alpha", "activation_beta"));
  }
  const float alpha = context.attributes().get_float("alpha", 1),
              beta = context.attributes().get_float("beta", 1);
  const bool trans_a = context.attributes().get_int("transA", 0) != 0;
  const bool trans_b = context.attributes().get_int("transB", 0) != 0;
  return compute_numeric(context, a.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> left(a), right(b), c = optional_operand<A>(context, 2);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, a.type(), output));
    multiply<A>(sizes.m, sizes.n, sizes.k, left.data(), trans_a, right.data(), trans_b, y.data());
    for (int64_t row = 0; row < sizes.m; ++row)
      for (int64_t column = 0; column < sizes.n; ++column) {
        A& element = y[row * sizes.n + column];
        element = scaled(alpha, element);
        if (c && beta != 0) element += scaled(beta, c[row * c_strides[0] + column * c_strides[1]]);
      }
    if constexpr (!std::is_integral_v<A>)
      if (!activate_gemm_only<A>(context.node(), y.span())) activate(activation, y.span());
    y.finish();
    return {};
  });
}

int64_t gemm_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto sizes = gemm_sizes(node, inputs[0], inputs[1]);
  return 2 * sizes.m * sizes.n * sizes.k;
}

}  // namespace

void register_gemm(OperatorRegistry& registry) {
  registry.add({"", "Gemm", {1, 6, 7, 9, 11, 13}, 2, 3, 1, 1, trait_none, infer_gemm, run_gemm, gemm_flops});
  registry.add({"com.microsoft", "FusedGemm", {1}, 2, 3, 1, 1, trait_none, infer_gemm, run_gemm, gemm_flops});
}

}  // namespace lathe
