// SPDX-License-Identifier: Apache-2.0
// Conv and ConvTranspose.
#include "engine/ops/convolution.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/window.h"

namespace lathe {
namespace {

using OutputRule = Result<Dims> (*)(const Node&, const Dims& x, const Dims& w);

Status infer_by(InferContext& context, OutputRule rule) {
  const Dims* x = context.dims(0);
  const Dims* w = context.dims(1);
  if (x == nullptr || w == nullptr) {
    context.set_tensor(0, context.element(0), std::nullopt);
    return {};
  }
  const bool fits = x->size() >= 3 && w->size() == x->size();
  if (fits && !is_static(Dims(w->begin() + 2, w->end())) && !context.attributes().has("kernel_shape")) {
    Dims output{(*x)[0]};
    while (output.size() < x->size()) output.push_back(context.unknown_dim());
    context.set_tensor(0, context.element(0), std::move(output));
    return {};
  }
  LATHE_ASSIGN(Dims output, rule(context.node(), *x, *w));
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

Status infer_conv(InferContext& context) {
  return infer_by(context, conv_output);
}
Status infer_conv_transpose(InferContext& context) {
  return infer_by(context, conv_transpose_output);
}

template <class Loop>
Status run_by(RunContext& context, const ConvGeometry& conv, Loop&& loop) {
  const ElementType type = context.tensor(0).type();
  if (context.tensor(1).type() != type)
    return context.error("has an input and weights of different element types");
  if (context.has_input(2) && context.tensor(2).shape() != Shape{conv.out_channels})
    return context.error("has a bias of shape " + to_string(context.tensor(2).shape()) + " for " +
                         std::to_string(conv.out_channels) + " channels");
  return compute_float(context, type, [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> x(context.tensor(0)), w(context.tensor(1)), bias = optional_operand<A>(context, 2);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, type, conv.output));
    loop(conv, x.data(), w.data(), y.data());
    add_channel_bias(y.data(), bias.data(), conv.batch, conv.out_channels, element_count(conv.window.output));
    y.finish();
    return {};
  });
}

Status run_conv(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  LATHE_TRY(check_rank(context, 1, -1, "W"));
  LATHE_ASSIGN(const ConvGeometry conv,
               resolve_conv(context.node(), context.tensor(0).shape(), context.tensor(1).shape()));
  return run_by(context, conv, [](const auto&... arguments) { convolve(arguments...); });
}

Status run_conv_transpose(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  LATHE_TRY(check_rank(context, 1, -1, "W"));
  LATHE_ASSIGN(const ConvGeometry conv,
               resolve_conv_transpose(context.node(), context.tensor(0).shape(), context.tensor(1).shape()));
  return run_by(context, conv, [](const auto&... arguments) { convolve_transposed(arguments...); });
}

int64_t conv_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto conv = resolve_conv(node, inputs[0], inputs[1]);
  return conv.ok() ? conv->flops() : 0;
}

int64_t conv_transpose_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto conv = resolve_conv_transpose(node, inputs[0], inputs[1]);
  if (!conv.ok()) return 0;
  return 2 * conv->batch * conv->channels * element_count(conv->input) * conv->group_outputs() *
         conv->kernel_count();
}

}  // namespace

void register_conv(OperatorRegistry& registry) {
  registry.add({"", "Conv", {1, 11, 22}, 2, 3, 1, 1, trait_none, infer_conv, run_conv, conv_flops});
  registry.add({"",
                "ConvTranspose",
                {1, 11, 22},
                2,
                3,
                1,
                1,
                trait_none,
                infer_conv_transpose,
                run_conv_transpose,
                conv_transpose_flops});
}

}  // namespace lathe
