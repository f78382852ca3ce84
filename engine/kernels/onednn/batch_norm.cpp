// SPDX-License-Identifier: Apache-2.0
// BatchNormalization and lathe.FusedBatchNormalization by stored statistics, in whatever layout the tensor
// comes (where no convolution before it takes it over).
#include "engine/kernels/onednn/common.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

std::optional<Decline> unfit(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (auto reason = unfit_tensor(x, {ElementType::f32}, 2, 5)) return reason;
  if (request.inputs.size() != 5) return decline(DeclineReason::attribute, "not five inputs");
  if (request.node->attributes.get_int("training_mode", 0) != 0 ||
      request.node->attributes.get_int("spatial", 1) == 0)
    return decline(DeclineReason::attribute, "training or per-position statistics");
  const auto activation = parse_activation(*request.node);
  if (!activation.ok() ||
      (activation->kind != ActivationKind::none && activation->kind != ActivationKind::relu))
    return decline(DeclineReason::attribute, "activation");
  for (size_t i = 1; i < request.outputs.size(); ++i)
    if (request.outputs[i].present()) return decline(DeclineReason::attribute, "statistics wanted");
  for (size_t i = 1; i < request.inputs.size(); ++i)
    if (request.inputs[i].type != ElementType::f32 || request.inputs[i].shape != Shape{x.shape[1]})
      return decline(DeclineReason::element_type, "scale, bias, mean or variance");
  return std::nullopt;
}

Prepared prepare(const KernelRequest& request) {
  if (auto reason = unfit(request)) return *reason;
  return guarded([&]() -> Prepared {
    using dnnl::normalization_flags;
    const TensorDesc& x = request.inputs[0];
    const memory::desc desc = desc_of(x), channels = plain_desc(ElementType::f32, {x.shape[1]});
    auto flags = normalization_flags::use_global_stats | normalization_flags::use_scale |
                 normalization_flags::use_shift;
    if (parse_activation(*request.node)->kind == ActivationKind::relu)
      flags |= normalization_flags::fuse_norm_relu;
    const dnnl::batch_normalization_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, desc, request.node->attributes.get_float("epsilon", 1e-5F),
         flags},
        scratch_attributes(), cpu_engine());
    if (is_reference(description.impl_info_str()))
      return decline(DeclineReason::not_profitable, "only oneDNN's own reference would do it");
    auto kernel = std::make_unique<PrimitiveKernel>(
        "onednn:batchnorm:" + std::string(description.impl_info_str()),
        dnnl::batch_normalization_forward(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, desc);
    const int arguments[] = {DNNL_ARG_SCALE, DNNL_ARG_SHIFT, DNNL_ARG_MEAN, DNNL_ARG_VARIANCE};
    for (size_t i = 0; i < 4; ++i) kernel->bind_input(arguments[i], i + 1, channels);
    kernel->bind_output(DNNL_ARG_DST, 0, desc);
    kernel->may_overwrite(0);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_batch_norm(KernelRegistry& registry) {
  registry.add({"onednn:batchnorm", {"BatchNormalization", "lathe.FusedBatchNormalization"}, prepare});
}

}  // namespace lathe
