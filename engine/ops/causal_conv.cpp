// SPDX-License-Identifier: Apache-2.0
// CausalConvWithState: a depthwise convolution over time that sees the past only and hands on what the next
// call needs of it.
#include <algorithm>

#include "engine/ops/activation.h"
#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

/// What follows the convolution.
Result<Activation> fused_activation(const Node& node) {
  const std::string name = node.attributes.get_string("activation", "none");
  Activation activation(name == "none" ? ActivationKind::none : ActivationKind::swish);
  activation.alpha = 1;
  if (name != "none" && name != "silu" && name != "swish")
    return node_error(node, "has an unknown activation '" + name + "'");
  return activation;
}

Status infer_causal_conv(InferContext& context) {
  LATHE_TRY(fused_activation(context.node()));
  const Dims *x = context.dims(0), *w = context.dims(1), *past = context.dims(3);
  for (const Dims* dims : {x, w, past})
    if (dims != nullptr && dims->size() != 3)
      return node_error(context.node(), "needs an input, weights and a state of rank 3");
  const ElementType type = context.element(0);
  context.set_tensor(0, type, dims_or_unknown(context, 0));
  if (past != nullptr)
    context.set_tensor(1, type, *past);
  else if (x != nullptr && w != nullptr)
    context.set_tensor(1, type, Dims{(*x)[0], (*x)[1], (*w)[2] - Dim(1)});
  else
    context.set_tensor(1, type, unknown_dims(context, 3));
  return {};
}

Status check_shapes(const RunContext& context, const Shape& x, const Shape& w) {
  if (x.size() != 3 || w.size() != 3 || w != Shape{x[1], 1, std::max<int64_t>(w[2], 1)})
    return context.error("has weights of shape " + to_string(w) + " for an input of shape " + to_string(x));
  if (context.has_input(2) && context.tensor(2).shape() != Shape{x[1]})
    return context.error("has a bias of shape " + to_string(context.tensor(2).shape()) + " for " +
                         std::to_string(x[1]) + " channels");
  if (context.has_input(3) && context.tensor(3).shape() != Shape{x[0], x[1], w[2] - 1})
    return context.error("has a state of shape " + to_string(context.tensor(3).shape()) +
                         " for an input of shape " + to_string(x) + " and a kernel of " +
                         std::to_string(w[2]));
  for (const size_t i : {1, 2, 3})
    if (context.has_input(i) && context.tensor(i).type() != context.tensor(0).type())
      return context.error("has inputs of different element types");
  return {};
}

template <class A>
Status run_typed(RunContext& context, const Activation& activation) {
  const Shape& shape = context.tensor(0).shape();
  const ElementType type = context.tensor(0).type();
  const int64_t channels = shape[1], length = shape[2], kernel = context.tensor(1).dim(2);
  const Operand<A> x(context.tensor(0)), w(context.tensor(1)), bias = optional_operand<A>(context, 2),
                                                               past = optional_operand<A>(context, 3);
  LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, type, shape));
  std::vector<A> present;
  const int64_t carried = kernel - 1;
  std::vector<A> padded(static_cast<size_t>(carried + length), A(0));  // state, then input, of one channel
  for (int64_t row = 0; row < shape[0] * channels; ++row) {
    const int64_t channel = row % channels;
    if (past) std::copy_n(past.data() + row * carried, carried, padded.begin());
    std::copy_n(x.data() + row * length, length, padded.begin() + carried);
    for (int64_t t = 0; t < length; ++t) {
      A sum = bias ? bias[channel] : A(0);
      for (int64_t k = 0; k < kernel; ++k)
        sum += w[channel * kernel + k] * padded[static_cast<size_t>(t + k)];
      y[row * length + t] = sum;
    }
    present.insert(present.end(), padded.end() - carried, padded.end());
    if (!past) std::fill_n(padded.begin(), carried, A(0));
  }
  activate(activation, y.span());
  y.finish();
  if (!context.has_output(1)) return {};
  LATHE_ASSIGN(OutputBuffer<A> state, OutputBuffer<A>::make(context, 1, type, {shape[0], channels, carried}));
  std::copy(present.begin(), present.end(), state.data());
  state.finish();
  return {};
}

Status run_causal_conv(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "input"));
  LATHE_ASSIGN(const Tensor* w, tensor_input(context, 1, "weight"));
  LATHE_ASSIGN(const Activation activation, fused_activation(context.node()));
  LATHE_TRY(check_shapes(context, x->shape(), w->shape()));
  return compute_float(context, x->type(),
                       [&](auto tag) -> Status { return run_typed<decltype(tag)>(context, activation); });
}

int64_t causal_conv_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  return inputs[1].size() == 3 ? 2 * element_count(inputs[0]) * inputs[1][2] : 0;
}

}  // namespace

void register_causal_conv(OperatorRegistry& registry) {
  registry.add({"",
                "CausalConvWithState",
                {27},
                2,
                4,
                1,
                2,
                trait_none,
                infer_causal_conv,
                run_causal_conv,
                causal_conv_flops});
}

}  // namespace lathe
