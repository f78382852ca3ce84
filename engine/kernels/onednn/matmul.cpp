// SPDX-License-Identifier: Apache-2.0
// MatMul, Gemm and lathe.FusedMatMul: transposes and permutations become strides, constants are prepacked.
#include "engine/kernels/matrix_product.h"
#include "engine/kernels/onednn/common.h"

namespace lathe {
namespace {

using namespace onednn;
using dnnl::memory;

memory::desc desc_of_view(const MatrixView& view, ElementType type) {
  return {to_dims(view.shape), *data_type(type), memory::dims(view.strides.begin(), view.strides.end())};
}

/// One of the last two strides has to be 1 for oneDNN to read an operand where it lies.
bool readable(const MatrixView& view) {
  const size_t n = view.strides.size();
  return view.strides[n - 1] == 1 || view.strides[n - 2] == 1 || view.shape[n - 1] == 1;
}

/// Row-major without gaps, whatever the strides of sizes 1 are.
bool dense(const MatrixView& view) {
  const std::vector<int64_t> strides = row_major_strides(view.shape);
  for (size_t axis = 0; axis < strides.size(); ++axis)
    if (view.shape[axis] != 1 && view.strides[axis] != strides[axis]) return false;
  return true;
}

Prepared prepare(const KernelRequest& request) {
  auto read_request = read_product(request);
  if (auto* reason = std::get_if<Decline>(&read_request)) return *reason;
  const auto product = std::get<MatrixProduct>(std::move(read_request));
  if (!readable(product.a) || (!readable(product.b) && request.constants[1] == nullptr))
    return decline(DeclineReason::layout, "neither of the last two axes is contiguous");
  if (product.y.strides.back() != 1)
    return decline(DeclineReason::layout, "the last axis of the result is not contiguous");
  return guarded([&]() -> Prepared {
    const size_t rank = product.y.shape.size();
    dnnl::primitive_attr attributes = scratch_attributes();
    if (product.scale != 1.0F) attributes.set_output_scales(0, {product.scale});
    dnnl::post_ops ops;
    std::optional<memory::desc> bias;
    bool bias_after = false;
    if (product.bias != 0) {
      Shape shape = request.inputs[product.bias].shape;
      while (shape.size() > rank && shape.front() == 1) shape.erase(shape.begin());
      const bool one_row = shape.empty() || element_count(shape) == shape.back();
      // Sizes that batches were folded into say nothing about a bias that varies by row.
      if (shape.size() > rank || (!one_row && rank != request.outputs[0].shape.size()))
        return decline(DeclineReason::shape, "bias");
      bias = desc_of_view(with_rank(plain_view(shape), rank), request.inputs[product.bias].type);
      // The primitive's own bias is scaled with the product; ours is not.
      bias_after = product.scale != 1.0F || element_count(shape) != product.y.shape.back();
      if (bias_after && !dense(product.y))  // oneDNN 2.6 reads beyond its buffers
        return decline(DeclineReason::layout, "a scaled or broadcast bias on a permuted result");
      if (bias_after) ops.append_binary(dnnl::algorithm::binary_add, *bias);
    }
    if (product.residual != 0) ops.append_sum(1.0F);
    if (!append_activation(ops, product.activation)) return decline(DeclineReason::attribute, "activation");
    attributes.set_post_ops(ops);

    const ElementType type = request.inputs[0].type;
    const memory::desc a = desc_of_view(product.a, type), b = desc_of_view(product.b, type),
                       y = desc_of_view(product.y, type);
    const bool packed = request.constants[1] != nullptr && request.prepack && rank == 2;
    const memory::desc wanted_b = packed ? any_desc(type, product.b.shape) : b;
    const auto plain = dnnl::matmul::desc(a, wanted_b, y);
    const auto description = bias && !bias_after
                                 ? dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, wanted_b, *bias, y),
                                                                attributes, cpu_engine())
                                 : dnnl::matmul::primitive_desc(plain, attributes, cpu_engine());
    auto kernel =
        std::make_unique<PrimitiveKernel>("onednn:matmul:" + std::string(description.impl_info_str()),
                                          dnnl::matmul(description), description.scratchpad_desc());
    kernel->bind_input(DNNL_ARG_SRC, 0, a);
    if (packed)
      kernel->bind_owned(DNNL_ARG_WEIGHTS, pack(*request.constants[1], b, description.weights_desc()), 1);
    else
      kernel->bind_input(DNNL_ARG_WEIGHTS, 1, b);
    if (bias)
      kernel->bind_input(bias_after ? DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1 : DNNL_ARG_BIAS,
                         product.bias, *bias);
    kernel->bind_output(DNNL_ARG_DST, 0, y);
    if (product.residual != 0) kernel->accumulate_into(product.residual);
    kernel->use_plain_layouts(request.inputs.size());
    return std::unique_ptr<Kernel>(std::move(kernel));
  });
}

}  // namespace

void register_matmul(KernelRegistry& registry) {
  registry.add({"onednn:matmul", {"MatMul", "Gemm", "lathe.FusedMatMul"}, prepare});
}

}  // namespace lathe
