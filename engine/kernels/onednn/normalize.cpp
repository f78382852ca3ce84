// SPDX-License-Identifier: Apache-2.0
// Softmax and layer normalisation over the last axes.
#include "engine/kernels/onednn/common.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

Prepared prepare_softmax(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (auto reason = unfit_tensor(x, {ElementType::f32, ElementType::bf16}, 0, 6)) return *reason;
  const auto axis = normalize_axis(
      request.node->attributes.get_int("axis", request.node->version < 13 ? 1 : -1), x.shape.size());
  if (!axis) return decline(DeclineReason::attribute, "axis");
  if (request.node->version < 13 && *axis + 1 != static_cast<int64_t>(x.shape.size()))
    return decline(DeclineReason::attribute, "axis of the old kind");
  return guarded([&]() -> Prepared {
    const memory::desc desc = plain_desc(x.type, x.shape);
    const dnnl::softmax_v2_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, dnnl::algorithm::softmax_accurate, desc, desc,
         static_cast<int>(*axis)},
        scratch_attributes(), cpu_engine());
    auto kernel = std::make_unique<PrimitiveKernel>(
        "onednn:softmax:" + std::string(description.impl_info_str()), dnnl::softmax_v2_forward(description),
        description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, desc);
    kernel->bind_output(DNNL_ARG_DST, 0, desc);
    kernel->may_overwrite(0);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

Prepared prepare_layer_norm(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (auto reason = unfit_tensor(x, {ElementType::f32, ElementType::bf16})) return *reason;
  const auto axis = normalize_axis(request.node->attributes.get_int("axis", -1), x.shape.size());
  if (!axis) return decline(DeclineReason::attribute, "axis");
  for (size_t i = 1; i < request.outputs.size(); ++i)
    if (request.outputs[i].present()) return decline(DeclineReason::attribute, "mean or deviation wanted");
  const auto given = [&](size_t i) { return i < request.inputs.size() && request.inputs[i].present(); };
  const int64_t columns = element_count(std::span(x.shape).subspan(static_cast<size_t>(*axis)));
  for (size_t i = 1; i < request.inputs.size(); ++i)
    if (given(i) && element_count(request.inputs[i].shape) != columns)
      return decline(DeclineReason::shape, "scale or bias broadcast");
    else if (given(i) && request.inputs[i].type != ElementType::f32 && request.constants[i] == nullptr)
      return decline(DeclineReason::not_constant, "scale or bias of a narrow type");
  return guarded([&]() -> Prepared {
    const memory::desc desc = plain_desc(x.type, {element_count(x.shape) / columns, columns});
    auto flags = dnnl::normalization_flags::none;
    if (given(1)) flags |= dnnl::normalization_flags::use_scale;
    if (given(2)) flags |= dnnl::normalization_flags::use_shift;
    const dnnl::layer_normalization_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, desc, request.node->attributes.get_float("epsilon", 1e-5F),
         flags},
        scratch_attributes(), cpu_engine());
    auto kernel = std::make_unique<PrimitiveKernel>(
        "onednn:layernorm:" + std::string(description.impl_info_str()),
        dnnl::layer_normalization_forward(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, desc);
    const memory::desc row = plain_desc(ElementType::f32, {columns});
    for (const auto& [input, argument] :
         {std::pair{size_t{1}, DNNL_ARG_SCALE}, std::pair{size_t{2}, DNNL_ARG_SHIFT}}) {
      if (!given(input)) continue;
      const ElementType type = request.inputs[input].type;
      if (type == ElementType::f32)
        kernel->bind_input(argument, input, row);
      else
        kernel->bind_owned(argument, pack(*request.constants[input], plain_desc(type, {columns}), row),
                           input);
    }
    kernel->bind_output(DNNL_ARG_DST, 0, desc);
    kernel->use_plain_layouts(request.inputs.size());
    kernel->may_overwrite(0);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_normalize(KernelRegistry& registry) {
  registry.add({"onednn:softmax", {"Softmax"}, prepare_softmax});
  registry.add({"onednn:layernorm", {"LayerNormalization", "lathe.LayerNorm"}, prepare_layer_norm});
}

}  // namespace lathe
