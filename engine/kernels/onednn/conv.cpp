// SPDX-License-Identifier: Apache-2.0
// Conv and lathe.FusedConv: blocked layouts, prepacked weights, bias, residual and activation in the
// primitive.
#include <algorithm>

#include "engine/kernels/onednn/common.h"
#include "engine/kernels/onednn/convolution.h"
#include "engine/kernels/onednn/reordered.h"
#include "engine/kernels/unfit.h"
#include "engine/ops/window.h"

namespace lathe {
namespace {

using namespace onednn;

constexpr size_t residual_input = 3;

bool present(const KernelRequest& request, size_t input) {
  return input < request.inputs.size() && request.inputs[input].present();
}

std::optional<Decline> unfit(const KernelRequest& request) {
  for (const TensorDesc* image : {&request.inputs[0], &request.outputs[0]})
    if (auto reason = unfit_tensor(*image, {ElementType::f32, ElementType::bf16}, 3, 5)) return reason;
  if (request.constants[1] == nullptr) return decline(DeclineReason::not_constant, "weights");
  if (present(request, 2) && request.constants[2] == nullptr)
    return decline(DeclineReason::not_constant, "bias");
  if (present(request, residual_input) && request.inputs[residual_input].shape != request.outputs[0].shape)
    return decline(DeclineReason::shape, "the residual broadcasts");
  return std::nullopt;
}

/// Whether blocked layouts win by more than the way there and back costs, for a single operator on plain
/// tensors. Pointwise convolutions are matrix products either way; for all others the plain form copies every
/// window.
bool blocking_pays(const ConvGeometry& conv) {
  return !conv.window.pointwise();
}

/// oneDNN's depthwise kernels know images only.
bool is_depthwise_sequence(const ConvGeometry& conv) {
  return conv.window.rank() == 1 && conv.groups > 1 && conv.groups == conv.channels &&
         conv.groups == conv.out_channels;
}

/// A convolution of sequences as one of images with one row, on plain tensors.
struct ImageOfOneRow {
  KernelRequest request;
  ConvGeometry conv;

  ImageOfOneRow(const KernelRequest& sequences, const ConvGeometry& geometry)
      : request(sequences), conv(geometry) {
    constexpr size_t rows_axis = 2;
    const auto add_row = [](Shape& shape) { shape.insert(shape.begin() + rows_axis, 1); };
    for (const size_t i : {size_t{0}, size_t{1}}) add_row(request.inputs[i].shape);
    add_row(request.outputs[0].shape);
    add_row(conv.output);
    conv.input.insert(conv.input.begin(), 1);
    Window& window = conv.window;
    for (auto* ones : {&window.kernel, &window.strides, &window.dilations, &window.output})
      ones->insert(ones->begin(), 1);
    for (auto* zeros : {&window.pads_begin, &window.pads_end}) zeros->insert(zeros->begin(), 0);
    request.plain_layouts = true;
    for (TensorDesc& input : request.inputs) input.layout = {};
  }
};

Prepared prepare_geometry(const KernelRequest& request, const ConvGeometry& conv,
                          const Activation& activation) {
  return guarded([&]() -> Prepared {
    const ElementType type = request.inputs[0].type;
    const bool bias = present(request, 2), residual = present(request, residual_input);
    // oneDNN 2.6 then loses the residual or reads beyond it.
    if (residual && window_in_padding(conv.window))
      return decline(DeclineReason::shape, "a residual, and a window in the padding alone");
    const Shape weights = grouped(request.inputs[1].shape, conv.groups);
    dnnl::primitive_attr attributes = scratch_attributes();
    dnnl::post_ops ops;
    if (residual) ops.append_sum(1.0F);
    if (!append_activation(ops, activation)) return decline(DeclineReason::attribute, "activation");
    attributes.set_post_ops(ops);

    ConvDescs descs;
    descs.w = any_desc(type, weights);
    if (bias) descs.b = any_desc(ElementType::f32, {conv.out_channels});
    // A plain input of few channels (an image) is read as it is: there is a kernel for that, and a reorder
    // costs more.
    const bool image = request.inputs[0].layout.plain() && conv.channels <= 3;
    const bool plain = request.plain_layouts && !blocking_pays(conv);
    const bool blocked = request.blocked_channels && type == ElementType::f32 && conv.window.rank() == 2;
    const auto free = [&](const Shape& shape) {
      return blocked ? blocked_channels_desc(type, shape) : any_desc(type, shape);
    };
    descs.x = image || plain ? plain_desc(type, request.inputs[0].shape) : free(request.inputs[0].shape);
    descs.y = plain ? plain_desc(type, request.outputs[0].shape) : free(request.outputs[0].shape);
    auto chosen = describe_conv(conv, descs, dnnl::algorithm::convolution_direct, attributes);
    // Kernels for one layout may refuse wide kernels, dilations or paddings: then any other, and at last the
    // one that copies windows for a matrix product, which takes all, of plain tensors.
    for (const auto describe : {any_desc, plain_desc}) {
      if (!is_reference(chosen.impl_info_str())) break;
      descs.x = describe(type, request.inputs[0].shape);
      descs.y = describe(type, request.outputs[0].shape);
      chosen = describe_conv(conv, descs, dnnl::algorithm::convolution_direct, attributes);
    }

    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:conv:" + std::string(chosen.impl_info_str()),
                                          dnnl::convolution_forward(chosen), chosen.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, chosen.src_desc());
    kernel->bind_owned(DNNL_ARG_WEIGHTS,
                       pack(*request.constants[1], plain_desc(type, weights), chosen.weights_desc()), 1);
    if (bias)
      kernel->bind_owned(
          DNNL_ARG_BIAS,
          pack(*request.constants[2], plain_desc(request.inputs[2].type, request.inputs[2].shape),
               chosen.bias_desc()),
          2);
    kernel->bind_output(DNNL_ARG_DST, 0, chosen.dst_desc());
    if (residual) {
      kernel->set_input_layout(residual_input, chosen.dst_desc());
      kernel->accumulate_into(residual_input);
    }
    if (!request.plain_layouts || plain) return std::unique_ptr<Kernel>(std::move(kernel));
    auto reordered = in_plain_layouts(std::move(kernel), request);
    if (!reordered.ok()) return decline(DeclineReason::provider_error, reordered.error().text());
    return std::move(*reordered);
  });
}

Prepared prepare(const KernelRequest& request) {
  if (auto reason = unfit(request)) return *reason;
  const auto conv = resolve_conv(*request.node, request.inputs[0].shape, request.inputs[1].shape);
  const auto activation = parse_activation(*request.node);
  if (!conv.ok() || !activation.ok()) return decline(DeclineReason::attribute, "geometry or activation");
  if (is_depthwise_sequence(*conv) && !present(request, residual_input)) {
    const ImageOfOneRow image(request, *conv);
    return prepare_geometry(image.request, image.conv, *activation);
  }
  return prepare_geometry(request, *conv, *activation);
}

}  // namespace

void register_conv(KernelRegistry& registry) {
  registry.add({"onednn:conv", {"Conv", "lathe.FusedConv"}, prepare});
}

}  // namespace lathe
