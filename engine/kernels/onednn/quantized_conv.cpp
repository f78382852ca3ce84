// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedConv on oneDNN's 8-bit convolutions: the integers are requantised, added to the residual and
// activated in the primitive.
#include "engine/kernels/onednn/convolution.h"
#include "engine/kernels/onednn/quantized.h"

namespace lathe {
namespace {

using namespace onednn;

Prepared prepare(const KernelRequest& request) {
  const auto operation = parse_quantized_operation(*request.node);
  const auto conv = resolve_conv(*request.node, request.inputs[0].shape, request.inputs[1].shape);
  if (!operation.ok() || !conv.ok()) return decline(DeclineReason::attribute, "geometry or parameters");
  if (auto reason = unfit_quantized(request, *operation)) return *reason;
  if (request.inputs[0].shape.size() > 5)
    return decline(DeclineReason::rank, std::to_string(request.inputs[0].shape.size()));
  const auto attributes = quantized_attributes(*operation, request, 1 << 1);
  if (!attributes) return decline(DeclineReason::attribute, "activation");
  return guarded([&]() -> Prepared {
    const bool bias = present(request, quantized_bias_input),
               residual = present(request, quantized_residual_input);
    const Shape weights = grouped(request.inputs[1].shape, conv->groups);
    ConvDescs descs{any_desc(request.inputs[0].type, request.inputs[0].shape),
                    any_desc(ElementType::i8, weights),
                    any_desc(operation->output_type, request.outputs[0].shape), std::nullopt};
    if (bias) descs.b = any_desc(ElementType::f32, {conv->out_channels});
    const auto chosen = describe_conv(*conv, descs, dnnl::algorithm::convolution_direct, *attributes);
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:quantized_conv:" + std::string(chosen.impl_info_str()),
                                          dnnl::convolution_forward(chosen), chosen.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, chosen.src_desc());
    kernel->bind_owned(
        DNNL_ARG_WEIGHTS,
        pack(*request.constants[1], plain_desc(ElementType::i8, weights), chosen.weights_desc()), 1);
    if (bias)
      kernel->bind_owned(
          DNNL_ARG_BIAS,
          scaled_bias(*request.constants[quantized_bias_input], *operation, chosen.bias_desc()),
          quantized_bias_input);
    kernel->bind_output(DNNL_ARG_DST, 0, chosen.dst_desc());
    if (residual) {
      dnnl::memory::desc lies = chosen.dst_desc();
      lies.data.data_type =
          static_cast<dnnl_data_type_t>(*data_type(request.inputs[quantized_residual_input].type));
      kernel->set_input_layout(quantized_residual_input, lies);
      kernel->accumulate_into(quantized_residual_input);
    }
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_quantized_conv(KernelRegistry& registry) {
  registry.add({"onednn:quantized_conv", {"lathe.QuantizedConv"}, prepare});
}

}  // namespace lathe
