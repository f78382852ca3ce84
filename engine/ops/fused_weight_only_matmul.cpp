// SPDX-License-Identifier: Apache-2.0
// lathe.WeightOnlyMatMul: A [.., K] of f32 times weights stored in i8, [K, N] ([N, K] with transB), that
// stand for scale * stored with one scale per column; plus a bias [N]. Inputs A, B, scales, bias?.
#include "engine/ops/infer_util.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

constexpr size_t bias_at = 3;

bool transposed(const Node& node) {
  return node.attributes.get_int("transB", 0) != 0;
}

Status infer_weight_only(InferContext& context) {
  const Dims* a = context.dims(0);
  const Dims* b = context.dims(1);
  std::optional<Dims> output;
  if (a != nullptr && b != nullptr && !a->empty() && b->size() == 2) {
    output = *a;
    output->back() = (*b)[transposed(context.node()) ? 0 : 1];
  }
  context.set_tensor(0, ElementType::f32, std::move(output));
  return {};
}

Status run_weight_only(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "A"));
  LATHE_TRY(check_rank(context, 1, 2, "B"));
  const Tensor &a = context.tensor(0), &b = context.tensor(1), &scales = context.tensor(2);
  if (a.type() != ElementType::f32) return context.type_error(a.type());
  if (b.type() != ElementType::i8) return context.type_error(b.type());
  const bool swapped = transposed(context.node());
  const int64_t depth = b.dim(swapped ? 1 : 0), columns = b.dim(swapped ? 0 : 1);
  if (a.rank() == 0 || a.shape().back() != depth)
    return context.error("cannot multiply " + to_string(a.shape()) + " by weights of depth " +
                         std::to_string(depth));
  if (scales.type() != ElementType::f32 || scales.count() != columns)
    return context.error("has scales of shape " + to_string(scales.shape()) + " for " +
                         std::to_string(columns) + " columns");
  if (context.has_input(bias_at) && context.tensor(bias_at).count() != columns)
    return context.error("has a bias of shape " + to_string(context.tensor(bias_at).shape()));
  std::vector<float> weights(static_cast<size_t>(b.count()));
  for (int64_t i = 0; i < b.count(); ++i)
    weights[static_cast<size_t>(i)] =
        static_cast<float>(b.data<int8_t>()[static_cast<size_t>(i)]) *
        scales.data<float>()[static_cast<size_t>(swapped ? i / depth : i % columns)];
  Shape shape = a.shape();
  shape.back() = columns;
  LATHE_ASSIGN(Tensor * y, context.output(0, ElementType::f32, shape));
  if (y->count() == 0) return {};
  float* product = y->mutable_data<float>().data();
  multiply<float>(y->count() / columns, columns, depth, a.data<float>().data(), false, weights.data(),
                  swapped, product);
  if (const auto bias = optional_operand<float>(context, bias_at))
    for (int64_t i = 0; i < y->count(); ++i) product[i] += bias[i % columns];
  return {};
}

int64_t weight_only_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  if (inputs[1].size() != 2) return 0;
  return 2 * element_count(outputs[0]) * inputs[1][transposed(node) ? 1 : 0];
}

}  // namespace

void register_fused_weight_only_matmul(OperatorRegistry& registry) {
  registry.add({"lathe",
                "WeightOnlyMatMul",
                {1},
                3,
                4,
                1,
                1,
                trait_internal,
                infer_weight_only,
                run_weight_only,
                weight_only_flops});
}

}  // namespace lathe
