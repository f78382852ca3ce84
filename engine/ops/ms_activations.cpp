// SPDX-License-Identifier: Apache-2.0
// com.microsoft's Gelu, FastGelu, QuickGelu and BiasGelu.
#include "engine/ops/activation.h"
#include "engine/ops/elementwise.h"

namespace lathe {
namespace {

/// y = f(x), or f(x + bias) with input 1 as a bias that broadcasts to x.
Status run_biased(RunContext& context, const Activation& activation) {
  if (!context.has_input(1)) return map_float(context, [&](auto x) { return activate(activation, x); });
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  LATHE_ASSIGN(const Tensor* bias, tensor_input(context, 1, "bias"));
  if (broadcast(x->shape(), bias->shape()) != x->shape())
    return context.error("has a bias of shape " + to_string(bias->shape()) + " for an input of shape " +
                         to_string(x->shape()));
  const BroadcastLoop loop(x->shape(), std::array{x->shape(), bias->shape()});
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> a(*x), b(*bias);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x->type(), x->shape()));
    binary_loop(loop, a.data(), b.data(), y.data(),
                [&](A e, A shift) { return activate(activation, e + shift); });
    y.finish();
    return {};
  });
}

Status run_gelu(RunContext& context) {
  return run_biased(context, Activation(ActivationKind::gelu));
}
Status run_fast_gelu(RunContext& context) {
  return run_biased(context, Activation(ActivationKind::gelu_tanh));
}
Status run_quick_gelu(RunContext& context) {
  Activation swish(ActivationKind::swish);
  swish.alpha = context.attributes().get_float("alpha", 1.702F);
  return run_biased(context, swish);
}

int64_t gelu_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return 8 * element_count(inputs[0]);
}

}  // namespace

void register_ms_activations(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, int min_inputs, int max_inputs, Status (*run)(RunContext&)) {
    registry.add({"com.microsoft",
                  name,
                  {1},
                  min_inputs,
                  max_inputs,
                  1,
                  1,
                  trait_elementwise,
                  infer_same,
                  run,
                  gelu_flops});
  };
  add("Gelu", 1, 1, run_gelu);
  add("FastGelu", 1, 2, run_fast_gelu);
  add("QuickGelu", 1, 1, run_quick_gelu);
  add("BiasGelu", 2, 2, run_gelu);
}

}  // namespace lathe
