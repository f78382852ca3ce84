// SPDX-License-Identifier: Apache-2.0
// lathe.FusedMatMul and com.microsoft.FusedMatMul.
//
// The stored inputs are permuted (permA, permB), their last two axes swapped (transA, transB) and multiplied;
// the product is scaled, bias broadcasts to it, permY reorders its axes, residual broadcasts to the result
// and activation ends it.
#include <algorithm>
#include <numeric>

#include "engine/ops/activation.h"
#include "engine/ops/matmul.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"
#include "engine/ops/permute.h"

namespace lathe {
namespace {

/// Order in which the axes of an input as stored enter the product.
Result<std::vector<int64_t>> operand_order(const Node& node, const char* side, size_t rank) {
  std::vector<int64_t> order = node.attributes.get_ints(std::string("perm") + side);
  if (order.empty()) {
    order.resize(rank);
    std::iota(order.begin(), order.end(), int64_t{0});
    // com.microsoft: stored [M, batch.., K].
    if (rank > 2 && node.attributes.get_int(std::string("transBatch") + side, 0) != 0)
      std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  }
  if (!is_permutation_of_axes(order, rank))
    return node_error(node, std::string("perm") + side + " does not fit rank " + std::to_string(rank));
  if (rank >= 2 && node.attributes.get_int(std::string("trans") + side, 0) != 0)
    std::swap(order[rank - 1], order[rank - 2]);
  return order;
}

Result<std::vector<int64_t>> output_order(const Node& node, size_t rank) {
  std::vector<int64_t> order = node.attributes.get_ints("permY");
  if (order.empty()) {
    order.resize(rank);
    std::iota(order.begin(), order.end(), int64_t{0});
  }
  if (!is_permutation_of_axes(order, rank))
    return node_error(node, "permY does not fit rank " + std::to_string(rank));
  return order;
}

Status infer_fused_matmul(InferContext& context) {
  const Dims* a = context.dims(0);
  const Dims* b = context.dims(1);
  std::optional<Dims> output;
  if (a != nullptr && b != nullptr) {
    LATHE_ASSIGN(const auto a_order, operand_order(context.node(), "A", a->size()));
    LATHE_ASSIGN(const auto b_order, operand_order(context.node(), "B", b->size()));
    LATHE_ASSIGN(const Dims product,
                 matmul_output(context.node(), permuted(*a, a_order), permuted(*b, b_order)));
    LATHE_ASSIGN(const auto order, output_order(context.node(), product.size()));
    output = permuted(product, order);
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

/// Shapes and orders of one execution.
struct FusedProduct {
  std::vector<int64_t> a_order, b_order, y_order;
  MatMulGeometry geometry;
  Shape output;
};

Result<FusedProduct> resolve(const Node& node, const Shape& a, const Shape& b) {
  FusedProduct product;
  LATHE_ASSIGN(product.a_order, operand_order(node, "A", a.size()));
  LATHE_ASSIGN(product.b_order, operand_order(node, "B", b.size()));
  LATHE_ASSIGN(product.geometry,
               resolve_matmul(node, permuted(a, product.a_order), permuted(b, product.b_order)));
  LATHE_ASSIGN(product.y_order, output_order(node, product.geometry.output.size()));
  product.output = permuted(product.geometry.output, product.y_order);
  return product;
}

template <class A>
std::vector<A> reordered(const Tensor& tensor, std::span<const int64_t> order) {
  std::vector<A> out(static_cast<size_t>(tensor.count()));
  permute(Operand<A>(tensor).data(), tensor.shape(), order, out.data());
  return out;
}

/// y += addend, broadcast to `shape`.
template <class A>
void add_broadcast(std::span<A> y, const Shape& shape, const Tensor& addend) {
  const Operand<A> values(addend);
  for_each_strided(shape, broadcast_strides(addend.shape(), shape),
                   [&](int64_t i, int64_t offset) { y[static_cast<size_t>(i)] += values[offset]; });
}

Status check_addend(const RunContext& context, size_t i, const Shape& shape, const char* name) {
  if (!context.has_input(i) || broadcast(context.tensor(i).shape(), shape) == shape) return {};
  return context.error(std::string("cannot broadcast its ") + name + " of shape " +
                       to_string(context.tensor(i).shape()) + " to " + to_string(shape));
}

Status run_fused_matmul(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "A"));
  LATHE_TRY(check_rank(context, 1, -1, "B"));
  const Tensor &a = context.tensor(0), &b = context.tensor(1);
  if (a.type() != b.type()) return context.error("has inputs of different element types");
  LATHE_ASSIGN(const FusedProduct product, resolve(context.node(), a.shape(), b.shape()));
  LATHE_TRY(check_addend(context, 2, product.geometry.output, "bias"));
  LATHE_TRY(check_addend(context, 3, product.output, "residual"));
  const bool microsoft = context.node().domain == "com.microsoft";
  // In com.microsoft's, alpha is the scale and there is no activation.
  LATHE_ASSIGN(const Activation activation,
               microsoft ? Result<Activation>(Activation()) : parse_activation(context.node()));
  const float scale = context.attributes().get_float(microsoft ? "alpha" : "scale", 1);
  return compute_float(context, a.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, a.type(), product.output));
    std::vector<A> values(static_cast<size_t>(y.count()));
    matmul(product.geometry, reordered<A>(a, product.a_order).data(), reordered<A>(b, product.b_order).data(),
           values.data());
    for (A& value : values) value *= static_cast<A>(scale);
    if (context.has_input(2)) add_broadcast<A>(values, product.geometry.output, context.tensor(2));
    permute(values.data(), product.geometry.output, product.y_order, y.data());
    if (context.has_input(3)) add_broadcast<A>(y.span(), product.output, context.tensor(3));
    activate(activation, y.span());
    y.finish();
    return {};
  });
}

int64_t fused_matmul_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto product = resolve(node, inputs[0], inputs[1]);
  return product.ok() ? product->geometry.flops() : 0;
}

}  // namespace

void register_fused_matmul(OperatorRegistry& registry) {
  registry.add({"lathe",
                "FusedMatMul",
                {1},
                2,
                4,
                1,
                1,
                trait_internal,
                infer_fused_matmul,
                run_fused_matmul,
                fused_matmul_flops});
  registry.add({"com.microsoft",
                "FusedMatMul",
                {1},
                2,
                2,
                1,
                1,
                trait_none,
                infer_fused_matmul,
                run_fused_matmul,
                fused_matmul_flops});
}

}  // namespace lathe
