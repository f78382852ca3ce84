// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/matmul.h"

#include <algorithm>

#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {

Result<MatMulGeometry> resolve_matmul(const Node& node, const Shape& a, const Shape& b) {
  const auto misfit = [&] {
    return node_error(node, "cannot multiply shapes " + to_string(a) + " and " + to_string(b));
  };
  if (a.empty() || b.empty()) return misfit();
  const Shape left = a.size() == 1 ? Shape{1, a[0]} : a;
  const Shape right = b.size() == 1 ? Shape{b[0], 1} : b;
  MatMulGeometry shape;
  shape.m = left[left.size() - 2];
  shape.k = left.back();
  shape.n = right.back();
  if (right[right.size() - 2] != shape.k) return misfit();
  const auto left_batch = std::span(left).first(left.size() - 2),
             right_batch = std::span(right).first(right.size() - 2);
  auto batch = broadcast(left_batch, right_batch);
  if (!batch) return misfit();
  shape.batch = std::move(*batch);
  shape.a_strides = broadcast_strides(left_batch, shape.batch);
  shape.b_strides = broadcast_strides(right_batch, shape.batch);
  shape.output = shape.batch;
  if (a.size() > 1) shape.output.push_back(shape.m);
  if (b.size() > 1) shape.output.push_back(shape.n);
  return shape;
}

Result<Dims> broadcast_batch(const Node& node, std::span<const Dim> a, std::span<const Dim> b) {
  Dims out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {  // counted from the back
    const Dim left = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim right = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    Dim& dim = out[out.size() - 1 - i];
    if (left == right || right.is(1))
      dim = left;
    else if (left.is(1))
      dim = right;
    else if (left.known() && right.known())
      return node_error(node, "cannot broadcast " + to_string(Dims(a.begin(), a.end())) + " and " +
                                  to_string(Dims(b.begin(), b.end())));
    else
      dim = left.known() ? left : right.known() ? right : dim_max(left, right);
  }
  return out;
}

Result<Dims> matmul_output(const Node& node, const Dims& a, const Dims& b) {
  if (a.empty() || b.empty()) return node_error(node, "cannot multiply a scalar");
  const Dim& inner_a = a.back();
  const Dim& inner_b = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (inner_a.known() && inner_b.known() && !(inner_a == inner_b))
    return node_error(node, "cannot multiply shapes " + to_string(a) + " and " + to_string(b));
  const size_t a_matrix = std::min<size_t>(2, a.size()), b_matrix = std::min<size_t>(2, b.size());
  LATHE_ASSIGN(Dims output, broadcast_batch(node, std::span(a).first(a.size() - a_matrix),
                                            std::span(b).first(b.size() - b_matrix)));
  if (a.size() > 1) output.push_back(a[a.size() - 2]);
  if (b.size() > 1) output.push_back(b.back());
  return output;
}

int64_t batch_offset(const Shape& batch, std::span<const int64_t> strides, int64_t item) {
  int64_t offset = 0;
  for (size_t axis = batch.size(); axis-- > 0; item /= batch[axis])
    offset += item % batch[axis] * strides[axis];
  return offset;
}

namespace {

Status infer_matmul(InferContext& context) {
  const Dims* a = context.dims(0);
  const Dims* b = context.dims(1);
  std::optional<Dims> output;
  if (a != nullptr && b != nullptr) {
    LATHE_ASSIGN(output, matmul_output(context.node(), *a, *b));
  }
  context.set_tensor(0, context.element(0), std::move(output));
  return {};
}

Status run_matmul(RunContext& context) {
  LATHE_TRY(check_rank(context, 0, -1, "A"));
  LATHE_TRY(check_rank(context, 1, -1, "B"));
  const Tensor &a = context.tensor(0), &b = context.tensor(1);
  if (a.type() != b.type()) return context.error("has inputs of different element types");
  LATHE_ASSIGN(const MatMulGeometry shape, resolve_matmul(context.node(), a.shape(), b.shape()));
  return compute_numeric(context, a.type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    LATHE_ASSIGN(OutputBuffer<A> y, OutputBuffer<A>::make(context, 0, a.type(), shape.output));
    matmul(shape, Operand<A>(a).data(), Operand<A>(b).data(), y.data());
    y.finish();
    return {};
  });
}

int64_t matmul_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape>) {
  const auto shape = resolve_matmul(node, inputs[0], inputs[1]);
  return shape.ok() ? shape->flops() : 0;
}

}  // namespace

void register_matmul(OperatorRegistry& registry) {
  registry.add({"", "MatMul", {1, 9, 13}, 2, 2, 1, 1, trait_none, infer_matmul, run_matmul, matmul_flops});
}

}  // namespace lathe
