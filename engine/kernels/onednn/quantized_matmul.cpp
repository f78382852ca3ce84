// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedMatMul: all leading axes are rows of one 8-bit product with prepacked weights.
#include "engine/kernels/onednn/quantized.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

Prepared prepare(const KernelRequest& request) {
  const auto operation = parse_quantized_operation(*request.node);
  if (!operation.ok()) return decline(DeclineReason::attribute, "parameters");
  if (auto reason = unfit_quantized(request, *operation)) return *reason;
  const auto attributes = quantized_attributes(*operation, request, 1 << 1);
  if (!attributes) return decline(DeclineReason::attribute, "activation");
  return guarded([&]() -> Prepared {
    const bool bias = present(request, quantized_bias_input),
               residual = present(request, quantized_residual_input);
    const bool swapped = request.node->attributes.get_int("transB", 0) != 0;
    const Shape& b = request.inputs[1].shape;
    const int64_t depth = b[swapped ? 1 : 0], columns = b[swapped ? 0 : 1];
    const int64_t rows = element_count(request.outputs[0].shape) / columns;
    const memory::desc x = plain_desc(request.inputs[0].type, {rows, depth});
    const memory::desc y = plain_desc(operation->output_type, {rows, columns});
    const memory::desc stored(memory::dims{depth, columns}, memory::data_type::s8,
                              swapped ? memory::dims{1, depth} : memory::dims{columns, 1});
    const memory::desc w = any_desc(ElementType::i8, {depth, columns});
    const memory::desc row = plain_desc(ElementType::f32, {1, columns});
    const auto description = bias ? dnnl::matmul::primitive_desc({x, w, row, y}, *attributes, cpu_engine())
                                  : dnnl::matmul::primitive_desc({x, w, y}, *attributes, cpu_engine());
    auto kernel = std::make_unique<PrimitiveKernel>(
        "onednn:quantized_matmul:" + std::string(description.impl_info_str()), dnnl::matmul(description),
        description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, x);
    kernel->bind_owned(DNNL_ARG_WEIGHTS, pack(*request.constants[1], stored, description.weights_desc()), 1);
    if (bias)
      kernel->bind_owned(DNNL_ARG_BIAS,
                         scaled_bias(*request.constants[quantized_bias_input], *operation, row),
                         quantized_bias_input);
    kernel->bind_output(DNNL_ARG_DST, 0, y);
    if (residual) kernel->accumulate_into(quantized_residual_input);
    kernel->use_plain_layouts(request.inputs.size());
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_quantized_matmul(KernelRegistry& registry) {
  registry.add({"onednn:quantized_matmul", {"lathe.QuantizedMatMul"}, prepare});
}

}  // namespace lathe
