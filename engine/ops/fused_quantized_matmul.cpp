// SPDX-License-Identifier: Apache-2.0
// lathe.QuantizedMatMul: 8-bit data [.., K] times 8-bit weights [K, N] ([N, K] with transB); see
// fused_quantization.h.
#include "engine/ops/fused_quantization.h"
#include "engine/ops/matmul.h"
#include "engine/ops/operand.h"

namespace lathe {
namespace {

bool transposed(const Node& node) {
  return node.attributes.get_int("transB", 0) != 0;
}

Status infer_quantized_matmul(InferContext& context) {
  LATHE_ASSIGN(const QuantizedOperation operation, parse_quantized_operation(context.node()));
  const Dims* a = context.dims(0);
  const Dims* b = context.dims(1);
  std::optional<Dims> output;
  if (a != nullptr && b != nullptr && !a->empty() && b->size() == 2) {
    output = *a;
    output->back() = (*b)[transposed(context.node()) ? 0 : 1];
  }
  context.set_tensor(0, operation.output_type, std::move(output));
  return {};
}

Result<MatMulGeometry> geometry_of(const Node& node, const Shape& a, const Shape& b) {
  if (b.size() != 2) return node_error(node, "needs weights of rank 2, not " + to_string(b));
  return resolve_matmul(node, a, transposed(node) ? Shape{b[1], b[0]} : b);
}

Status run_quantized_matmul(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "A"));
  LATHE_TRY(check_rank(context, 1, 2, "B"));
  LATHE_ASSIGN(const QuantizedOperation operation, parse_quantized_operation(context.node()));
  const Tensor &a = context.tensor(0), &b = context.tensor(1);
  LATHE_ASSIGN(const MatMulGeometry geometry, geometry_of(context.node(), a.shape(), b.shape()));
  const bool swapped = transposed(context.node());
  const size_t columns = static_cast<size_t>(b.shape()[swapped ? 0 : 1]);
  const size_t depth = static_cast<size_t>(b.shape()[swapped ? 1 : 0]);
  if (operation.weight_scales.size() != 1 && operation.weight_scales.size() != columns)
    return context.error("has " + std::to_string(operation.weight_scales.size()) + " weight scales for " +
                         std::to_string(columns) + " columns");
  LATHE_ASSIGN(const auto data, dequantize(context, a, operation.input));
  LATHE_ASSIGN(const auto stored, dequantize(context, b, {}));
  std::vector<double> weights(stored.size());
  for (size_t k = 0; k < depth; ++k)
    for (size_t n = 0; n < columns; ++n)
      weights[k * columns + n] =
          stored[swapped ? n * depth + k : k * columns + n] * operation.weight_scale(n);
  std::vector<double> product(static_cast<size_t>(element_count(geometry.output)));
  matmul(geometry, data.data(), weights.data(), product.data());
  return finish_quantized(context, operation, std::move(product), geometry.output,
                          static_cast<int64_t>(columns), 1);
}

int64_t quantized_matmul_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto geometry = geometry_of(node, inputs[0], inputs[1]);
  return geometry.ok() ? geometry->flops() : 0;
}

}  // namespace

void register_fused_quantized_matmul(OperatorRegistry& registry) {
  registry.add({"lathe",
                "QuantizedMatMul",
                {1},
                2,
                4,
                1,
                1,
                trait_internal,
                infer_quantized_matmul,
                run_quantized_matmul,
                quantized_matmul_flops});
}

}  // namespace lathe
