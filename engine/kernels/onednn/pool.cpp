// SPDX-License-Identifier: Apache-2.0
// Max and average pooling over windows and over everything, on blocked or plain layouts.
#include "engine/kernels/onednn/common.h"
#include "engine/ops/window.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

Result<Window> window_of(const KernelRequest& request) {
  const Shape& x = request.inputs[0].shape;
  const Shape spatial(x.begin() + 2, x.end());
  if (!request.node->op_type.starts_with("Global")) return resolve_window(*request.node, spatial);
  Window window;
  window.kernel = spatial;
  window.strides.assign(spatial.size(), 1);
  window.dilations.assign(spatial.size(), 1);
  window.pads_begin.assign(spatial.size(), 0);
  window.pads_end.assign(spatial.size(), 0);
  window.output.assign(spatial.size(), 1);
  return window;
}

Prepared prepare(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  const bool narrow = x.type == ElementType::u8 || x.type == ElementType::i8;
  if (x.type != ElementType::f32 && x.type != ElementType::bf16 &&
      !(narrow && request.node->op_type == "MaxPool" && !request.plain_layouts))
    return decline(DeclineReason::element_type, to_string(x.type));
  if (x.shape.size() < 3 || x.shape.size() > 5 || element_count(x.shape) == 0)
    return decline(DeclineReason::shape, to_string(x.shape));
  if (request.outputs.size() > 1 && request.outputs[1].present())
    return decline(DeclineReason::attribute, "indices wanted");
  auto window = window_of(request);
  if (!window.ok()) return decline(DeclineReason::attribute, "window");
  const bool average = request.node->op_type.find("Average") != std::string::npos;
  const bool with_padding = request.node->attributes.get_int("count_include_pad", 0) != 0;
  // In ceil mode the last window may reach further than the padding says: oneDNN wants that as padding too.
  for (size_t axis = 0; axis < window->rank(); ++axis) {
    const int64_t needed = (window->output[axis] - 1) * window->strides[axis] + window->extent(axis) -
                           x.shape[axis + 2] - window->pads_begin[axis];
    if (needed != window->pads_end[axis] && average && with_padding)
      return decline(DeclineReason::attribute, "ceil mode with padding counted");
    if (needed >= window->extent(axis))
      return decline(DeclineReason::attribute, "a window in the padding alone");
    window->pads_end[axis] = needed;
  }
  return guarded([&]() -> Prepared {
    // Of 8-bit tensors only those with channels last are pooled well.
    const memory::desc source = narrow ? channels_last_desc(x.type, x.shape) : desc_of(x);
    const memory::desc target = narrow             ? channels_last_desc(x.type, request.outputs[0].shape)
                                : x.layout.plain() ? plain_desc(x.type, request.outputs[0].shape)
                                                   : any_desc(x.type, request.outputs[0].shape);
    memory::dims dilations;
    for (const int64_t d : window->dilations) dilations.push_back(d - 1);
    const auto algorithm = !average       ? dnnl::algorithm::pooling_max
                           : with_padding ? dnnl::algorithm::pooling_avg_include_padding
                                          : dnnl::algorithm::pooling_avg_exclude_padding;
    const dnnl::pooling_v2_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, algorithm, source, target, window->strides, window->kernel,
         dilations, window->pads_begin, window->pads_end},
        scratch_attributes(), cpu_engine());
    auto kernel = std::make_unique<PrimitiveKernel>("onednn:pool:" + std::string(description.impl_info_str()),
                                                    dnnl::pooling_v2_forward(description),
                                                    description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, source);
    kernel->bind_output(DNNL_ARG_DST, 0, description.dst_desc());
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_pool(KernelRegistry& registry) {
  registry.add({"onednn:pool", {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}, prepare});
}

}  // namespace lathe
