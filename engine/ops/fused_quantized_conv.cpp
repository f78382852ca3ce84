// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedConv: a convolution of 8-bit data with 8-bit weights; see fused_quantization.h.
#include "engine/ops/convolution.h"
#include "engine/ops/fused_quantization.h"
#include "engine/ops/operand.h"

namespace lathe {
namespace {

Status infer_quantized_conv(InferContext& context) {
  LATHE_ASSIGN(const QuantizedOperation operation, parse_quantized_operation(context.node()));
  const Dims* x = context.dims(0);
  const Dims* w = context.dims(1);
  std::optional<Dims> output;
  if (x != nullptr && w != nullptr) {
    LATHE_ASSIGN(output, conv_output(context.node(), *x, *w));
  }
  context.set_tensor(0, operation.output_type, std::move(output));
  return {};
}

Status run_quantized_conv(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "X"));
  LATHE_TRY(check_rank(context, 1, -1, "W"));
  LATHE_ASSIGN(const QuantizedOperation operation, parse_quantized_operation(context.node()));
  const Tensor &x = context.tensor(0), &w = context.tensor(1);
  LATHE_ASSIGN(const ConvGeometry conv, resolve_conv(context.node(), x.shape(), w.shape()));
  if (operation.weight_scales.size() != 1 &&
      static_cast<int64_t>(operation.weight_scales.size()) != conv.out_channels)
    return context.error("has " + std::to_string(operation.weight_scales.size()) + " weight scales for " +
                         std::to_string(conv.out_channels) + " output channels");
  LATHE_ASSIGN(const auto data, dequantize(context, x, operation.input));
  LATHE_ASSIGN(auto weights, dequantize(context, w, {}));
  const size_t per_channel = weights.size() / static_cast<size_t>(conv.out_channels);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] *= operation.weight_scale(i / per_channel);
  std::vector<double> product(static_cast<size_t>(element_count(conv.output)));
  convolve(conv, data.data(), weights.data(), product.data());
  return finish_quantized(context, operation, std::move(product), conv.output, conv.out_channels,
                          element_count(conv.window.output));
}

int64_t quantized_conv_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto conv = resolve_conv(node, inputs[0], inputs[1]);
  return conv.ok() ? conv->flops() : 0;
}

}  // namespace

void register_fused_quantized_conv(OperatorRegistry& registry) {
  registry.add({"lathe",
                "QuantizedConv",
                {1},
                2,
                4,
                1,
                1,
                trait_internal,
                infer_quantized_conv,
                run_quantized_conv,
                quantized_conv_flops});
}

}  // namespace lathe
