// SPDX-License-Identifier: Apache-2.0
// ConvInteger and QLinearConv.
#include "engine/ops/convolution.h"
#include "engine/ops/operator.h"
#include "engine/ops/quantized.h"

namespace lathe {
namespace {

Status infer_integer_conv(InferContext& context, size_t weights, ElementType element) {
  const Dims* x = context.dims(0);
  const Dims* w = context.dims(weights);
  std::optional<Dims> output;
  if (x != nullptr && w != nullptr) {
    LATHE_ASSIGN(output, conv_output(context.node(), *x, *w));
  }
  context.set_tensor(0, element, std::move(output));
  return {};
}

Status infer_conv_integer(InferContext& context) {
  return infer_integer_conv(context, 1, ElementType::i32);
}
Status infer_qlinear_conv(InferContext& context) {
  return infer_integer_conv(context, 3, context.element(7));
}

struct IntegerConv {
  ConvGeometry geometry;
  std::vector<uint32_t> sums;
};

/// Padding is the zero point, so it is 0 once centred.
Result<IntegerConv> integer_conv(const RunContext& context, const Tensor& x, const Tensor* x_zero,
                                 const Tensor& w, const Tensor* w_zero) {
  IntegerConv conv;
  LATHE_ASSIGN(conv.geometry, resolve_conv(context.node(), x.shape(), w.shape()));
  const auto count = checked_element_count(conv.geometry.output);
  if (!count) return context.error("has an output that is too large");
  Shape per_channel(w.rank(), 1);
  per_channel[0] = w.dim(0);
  LATHE_ASSIGN(const auto data, centered_integers(context, x, x_zero, x_zero ? x_zero->shape() : Shape()));
  if (w_zero != nullptr && w_zero->count() != 1 && w_zero->count() != w.dim(0))
    return context.error("has " + std::to_string(w_zero->count()) + " zero points for its weights");
  LATHE_ASSIGN(const auto weights, centered_integers(context, w, w_zero, per_channel));
  conv.sums.resize(static_cast<size_t>(*count));
  convolve(conv.geometry, data.data(), weights.data(), conv.sums.data());
  return conv;
}

Status run_conv_integer(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "x"));
  LATHE_TRY(check_rank(context, 1, -1, "w"));
  LATHE_ASSIGN(const IntegerConv conv, integer_conv(context, context.tensor(0), optional_tensor(context, 2),
                                                    context.tensor(1), optional_tensor(context, 3)));
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::i32, conv.geometry.output));
  const auto target = y->mutable_data<int32_t>();
  for (size_t i = 0; i < target.size(); ++i) target[i] = static_cast<int32_t>(conv.sums[i]);
  return {};
}

Status run_qlinear_conv(RunContext& context) {
  for (size_t i = 0; i < 8; ++i) LATHE_TRY(check_rank(context, i, -1, "(the first eight are required)"));
  LATHE_ASSIGN(IntegerConv conv, integer_conv(context, context.tensor(0), &context.tensor(2),
                                              context.tensor(3), &context.tensor(5)));
  const int64_t channels = conv.geometry.out_channels, plane = element_count(conv.geometry.window.output);
  if (const Tensor* bias = optional_tensor(context, 8)) {
    if (bias->type() != ElementType::i32 || bias->shape() != Shape{channels})
      return context.error("needs an i32 bias of " + std::to_string(channels) + " elements");
    add_channel_bias(conv.sums.data(), reinterpret_cast<const uint32_t*>(bias->raw()), conv.geometry.batch,
                     channels, plane);
  }
  LATHE_ASSIGN(const float x_scale, scalar_input(context, 1, "x_scale"));
  LATHE_ASSIGN(const float y_scale, scalar_input(context, 6, "y_scale"));
  const Tensor& w_scale = context.tensor(4);
  if (w_scale.type() != ElementType::f32 || (w_scale.count() != 1 && w_scale.count() != channels))
    return context.error("has a w_scale of shape " + to_string(w_scale.shape()));
  std::vector<float> values(conv.sums.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto channel = static_cast<int64_t>(i) / plane % channels;
    const float scale =
        x_scale * w_scale.data<float>()[w_scale.count() == 1 ? 0 : static_cast<size_t>(channel)] / y_scale;
    values[i] = static_cast<float>(static_cast<int32_t>(conv.sums[i])) * scale;
  }
  LATHE_ASSIGN(const Quantizer quantizer, Quantizer::make(context, &context.tensor(7)));
  return quantizer.store(context, 0, conv.geometry.output, values);
}

int64_t integer_conv_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto conv = resolve_conv(node, inputs[0], inputs[node.op_type == "ConvInteger" ? 1 : 3]);
  return conv.ok() ? conv->flops() : 0;
}

}  // namespace

void register_quantized_conv(OperatorRegistry& registry) {
  registry.add({"",
                "ConvInteger",
                {10},
                2,
                4,
                1,
                1,
                trait_none,
                infer_conv_integer,
                run_conv_integer,
                integer_conv_flops});
  registry.add({"",
                "QLinearConv",
                {10},
                8,
                9,
                1,
                1,
                trait_none,
                infer_qlinear_conv,
                run_qlinear_conv,
                integer_conv_flops});
}

}  // namespace lathe
