// SPDX-License-Identifier: Apache-2.0
// lathe.FusedConv and com.microsoft.FusedConv: act(conv(X, W) + B + residual).
#include "engine/ops/activation.h"
#include "engine/ops/convolution.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_fused_conv(InferContext& context) {
  const Dims* x = context.dims(0);
  const Dims* w = context.dims(1);
  std::optional<Dims> output;
  if (x != nullptr && w != nullptr) {
    LATHE_ASSIGN(output, conv_output(context.node(), *x, *w));
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

/// com.microsoft keeps the parameters in one list.
Result<Activation> read_activation(const Node& node) {
  LATHE_ASSIGN(Activation activation, parse_activation(node));
  const std::vector<float> parameters = node.attributes.get_floats("activation_params");
  if (!parameters.empty()) activation.alpha = parameters[0];
  if (parameters.size() > 1) activation.beta = parameters[1];
  return activation;
}

Status run_fused_conv(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  LATHE_TRY(check_rank(context, 1, -1, "W"));
  const Tensor& x = context.tensor(0);
  LATHE_ASSIGN(const ConvGeometry conv, resolve_conv(context.node(), x.shape(), context.tensor(1).shape()));
  LATHE_ASSIGN(const Activation activation, read_activation(context.node()));
  if (context.has_input(2) && context.tensor(2).count() != conv.out_channels)
    return context.error("has a bias of shape " + to_string(context.tensor(2).shape()));
  if (context.has_input(3) && context.tensor(3).shape() != conv.output)
    return context.error("has a residual of shape " + to_string(context.tensor(3).shape()) +
                         " for an output of shape " + to_string(conv.output));
  return compute_float(context, x.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> data(x), w(context.tensor(1)), bias = optional_operand<A>(context, 2);
    const Operand<A> residual = optional_operand<A>(context, 3);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, x.type(), conv.output));
    convolve(conv, data.data(), w.data(), y.data());
    add_channel_bias(y.data(), bias.data(), conv.batch, conv.out_channels, element_count(conv.window.output));
    if (residual)
      for (int64_t i = 0; i < y.count(); ++i) y[i] += residual[i];
    activate(activation, y.span());
    y.finish();
    return {};
  });
}

int64_t fused_conv_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto conv = resolve_conv(node, inputs[0], inputs[1]);
  return conv.ok() ? conv->flops() : 0;
}

}  // namespace

void register_fused_conv(OperatorRegistry& registry) {
  registry.add({"lathe",
                "FusedConv",
                {1},
                2,
                4,
                1,
                1,
                trait_internal,
                infer_fused_conv,
                run_fused_conv,
                fused_conv_flops});
  registry.add({"com.microsoft",
                "FusedConv",
                {1},
                2,
                4,
                1,
                1,
                trait_none,
                infer_fused_conv,
                run_fused_conv,
                fused_conv_flops});
}

}  // namespace lathe
