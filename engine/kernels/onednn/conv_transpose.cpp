// SPDX-License-Identifier: Apache-2.0
// ConvTranspose with constant weights: oneDNN's deconvolution, in blocked layouts where they may be.
#include <algorithm>

#include "engine/kernels/onednn/common.h"
#include "engine/kernels/onednn/reordered.h"
#include "engine/kernels/unfit.h"
#include "engine/ops/window.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

std::optional<Decline> unfit(const KernelRequest& request) {
  for (const TensorDesc* image : {&request.inputs[0], &request.outputs[0]})
    if (auto reason = unfit_tensor(*image, {ElementType::f32}, 3, 5)) return reason;
  if (request.constants[1] == nullptr) return decline(DeclineReason::not_constant, "weights");
  const bool bias = request.inputs.size() > 2 && request.inputs[2].present();
  if (bias && request.constants[2] == nullptr) return decline(DeclineReason::not_constant, "bias");
  return std::nullopt;
}

/// ONNX keeps weights as [groups * inputs, outputs, kernel..], oneDNN speaks of [groups, outputs, inputs,
/// kernel..].
struct WeightDescs {
  memory::desc stored, wanted;
};
WeightDescs weight_descs(const ConvGeometry& conv) {
  const int64_t inputs = conv.group_channels(), outputs = conv.group_outputs(), kernel = conv.kernel_count();
  memory::dims dims, strides;
  if (conv.groups > 1) {
    dims.push_back(conv.groups);
    strides.push_back(inputs * outputs * kernel);
  }
  dims.insert(dims.end(), {outputs, inputs});
  strides.insert(strides.end(), {kernel, outputs * kernel});
  int64_t stride = kernel;
  for (const int64_t size : conv.window.kernel) {
    stride /= size;
    dims.push_back(size);
    strides.push_back(stride);
  }
  return {{dims, memory::data_type::f32, strides}, {dims, memory::data_type::f32, memory::format_tag::any}};
}

/// What is cut off at the end, from all other sizes (output_padding counts as less of it).
std::optional<memory::dims> end_padding(const ConvGeometry& conv) {
  memory::dims padding;
  for (size_t axis = 0; axis < conv.window.rank(); ++axis) {
    const int64_t scattered = (conv.input[axis] - 1) * conv.window.strides[axis] + conv.window.extent(axis);
    padding.push_back(scattered - conv.window.pads_begin[axis] - conv.window.output[axis]);
    if (padding.back() < 0 || conv.window.pads_begin[axis] < 0) return std::nullopt;
  }
  return padding;
}

Prepared prepare(const KernelRequest& request) {
  if (auto reason = unfit(request)) return *reason;
  const auto conv = resolve_conv_transpose(*request.node, request.inputs[0].shape, request.inputs[1].shape);
  if (!conv.ok()) return decline(DeclineReason::attribute, "geometry");
  const auto end = end_padding(*conv);
  if (!end) return decline(DeclineReason::attribute, "negative padding");
  return guarded([&]() -> Prepared {
    const ElementType type = ElementType::f32;
    const auto free = [&](const Shape& shape) {
      return request.blocked_channels && conv->window.rank() == 2 ? blocked_channels_desc(type, shape)
                                                                  : any_desc(type, shape);
    };
    const memory::desc x = free(request.inputs[0].shape), y = free(request.outputs[0].shape);
    const WeightDescs weights = weight_descs(*conv);
    const memory::dims strides(conv->window.strides.begin(), conv->window.strides.end()),
        begin(conv->window.pads_begin.begin(), conv->window.pads_begin.end());
    memory::dims dilations;
    for (const int64_t dilation : conv->window.dilations) dilations.push_back(dilation - 1);
    const bool biased = request.inputs.size() > 2 && request.inputs[2].present();
    const auto kind = dnnl::prop_kind::forward_inference;
    const auto algorithm = dnnl::algorithm::deconvolution_direct;
    const memory::desc bias = any_desc(type, {conv->out_channels});
    const dnnl::deconvolution_forward::desc description =
        biased ? dnnl::deconvolution_forward::desc(kind, algorithm, x, weights.wanted, bias, y, strides,
                                                   dilations, begin, *end)
               : dnnl::deconvolution_forward::desc(kind, algorithm, x, weights.wanted, y, strides, dilations,
                                                   begin, *end);
    const dnnl::deconvolution_forward::primitive_desc chosen(description, scratch_attributes(), cpu_engine());
    if (is_reference(chosen.impl_info_str()))
      return decline(DeclineReason::not_profitable, "only oneDNN's own reference would do it");
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:deconv:" + std::string(chosen.impl_info_str()),
                                          dnnl::deconvolution_forward(chosen), chosen.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, chosen.src_desc());
    kernel->bind_owned(DNNL_ARG_WEIGHTS, pack(*request.constants[1], weights.stored, chosen.weights_desc()),
                       1);
    if (biased)
      kernel->bind_owned(
          DNNL_ARG_BIAS,
          pack(*request.constants[2], plain_desc(request.inputs[2].type, request.inputs[2].shape),
               chosen.bias_desc()),
          2);
    kernel->bind_output(DNNL_ARG_DST, 0, chosen.dst_desc());
    if (!request.plain_layouts) return std::unique_ptr<Kernel>(std::move(kernel));
    auto reordered = in_plain_layouts(std::move(kernel), request);
    if (!reordered.ok()) return decline(DeclineReason::provider_error, reordered.error().text());
    return std::move(*reordered);
  });
}

}  // namespace

void register_conv_transpose(KernelRegistry& registry) {
  registry.add({"onednn:deconv", {"ConvTranspose"}, prepare});
}

}  // namespace lathe
