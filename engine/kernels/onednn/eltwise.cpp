// SPDX-License-Identifier: Apache-2.0
// Functions of one tensor, in whatever layout it comes.
#include <limits>

#include "engine/kernels/onednn/common.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace {

using namespace onednn;

struct Function {
  dnnl::algorithm algorithm;
  float alpha = 0, beta = 0;
};

std::optional<Function> function_of(const KernelRequest& request) {
  using dnnl::algorithm;
  const Node& node = *request.node;
  const std::string& op = node.op_type;
  if (op == "Relu") return Function{algorithm::eltwise_relu};
  if (op == "Sigmoid") return Function{algorithm::eltwise_logistic};
  if (op == "Tanh") return Function{algorithm::eltwise_tanh};
  if (op == "Sqrt") return Function{algorithm::eltwise_sqrt};
  if (op == "Abs") return Function{algorithm::eltwise_abs};
  if (op == "Exp") return Function{algorithm::eltwise_exp};
  if (op == "HardSwish") return Function{algorithm::eltwise_hardswish};
  if (op == "LeakyRelu") return Function{algorithm::eltwise_relu, node.attributes.get_float("alpha", 0.01F)};
  if (op == "Elu") return Function{algorithm::eltwise_elu, node.attributes.get_float("alpha", 1.0F)};
  if (op == "Gelu")
    return Function{node.attributes.get_string("approximate", "none") == "tanh"
                        ? algorithm::eltwise_gelu_tanh
                        : algorithm::eltwise_gelu_erf};
  if (op != "Clip") return std::nullopt;
  float low = node.attributes.get_float("min", -std::numeric_limits<float>::infinity()),
        high = node.attributes.get_float("max", std::numeric_limits<float>::infinity());
  for (size_t i = 1; i < request.inputs.size(); ++i) {
    if (!request.inputs[i].present()) continue;
    if (request.constants[i] == nullptr || request.constants[i]->count() != 1) return std::nullopt;
    (i == 1 ? low : high) = static_cast<float>(request.constants[i]->to_double()[0]);
  }
  return Function{algorithm::eltwise_clip, low, high};
}

Prepared prepare(const KernelRequest& request) {
  const TensorDesc& x = request.inputs[0];
  if (auto reason = unfit_tensor(x, {ElementType::f32, ElementType::bf16}, 0, 6)) return *reason;
  if (x.type == ElementType::f32 && request.node->op_type == "Elu")
    return decline(DeclineReason::not_profitable, "its e^x - 1 is off for small x; simd:function's is not");
  const auto function = function_of(request);
  if (!function) return decline(DeclineReason::not_constant, "bounds");
  return guarded([&]() -> Prepared {
    const dnnl::memory::desc desc = desc_of(x);
    const dnnl::eltwise_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, function->algorithm, desc, function->alpha, function->beta},
        scratch_attributes(), cpu_engine());
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:eltwise:" + std::string(description.impl_info_str()),
                                          dnnl::eltwise_forward(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, desc);
    kernel->bind_output(DNNL_ARG_DST, 0, desc);
    kernel->may_overwrite(0);
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_eltwise(KernelRegistry& registry) {
  registry.add({"onednn:eltwise",
                {"Relu", "Sigmoid", "Tanh", "Sqrt", "Abs", "Exp", "HardSwish", "LeakyRelu", "Elu", "Gelu",
                 "lathe.Gelu", "Clip"},
                prepare});
}

}  // namespace lathe
