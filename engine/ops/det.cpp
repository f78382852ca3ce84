// SPDX-License-Identifier: Apache-2.0
// Det: the determinant of square matrices.
#include <cmath>

#include "engine/ops/movement_util.h"
#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_det(InferContext& context) {
  const Dims* dims = context.dims(0);
  if (dims == nullptr) return infer_unknown_shape(context);
  const size_t rank = dims->size();
  if (rank < 2 ||
      ((*dims)[rank - 1].known() && (*dims)[rank - 2].known() && !((*dims)[rank - 1] == (*dims)[rank - 2])))
    return node_error(context.node(), "needs square matrices, not " + to_string(*dims));
  context.set_tensor(0, context.element(0), Dims(dims->begin(), dims->end() - 2));
  return {};
}

/// Gaussian elimination with row pivoting; destroys the matrix.
double determinant(std::vector<double>& matrix, size_t n) {
  double product = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row)
      if (std::abs(matrix[row * n + column]) > std::abs(matrix[pivot * n + column])) pivot = row;
    const double divisor = matrix[pivot * n + column];
    if (divisor == 0) return 0;
    if (pivot != column) {
      std::swap_ranges(&matrix[pivot * n], &matrix[pivot * n] + n, &matrix[column * n]);
      product = -product;
    }
    product *= divisor;
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = matrix[row * n + column] / divisor;
      for (size_t i = column; i < n; ++i) matrix[row * n + i] -= factor * matrix[column * n + i];
    }
  }
  return product;
}

Status run_det(RunContext& context) {
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 0, "X"));
  const size_t rank = x->rank();
  if (rank < 2 || x->dim(rank - 1) != x->dim(rank - 2))
    return context.error("needs square matrices, not " + to_string(x->shape()));
  return compute_float(context, x->type(), [&](auto tag) -> Status {
    using A = decltype(tag);
    const Operand<A> from(*x);
    LATHE_ASSIGN(auto out, OutputBuffer<A>::make(context, 0, x->type(),
                                                 Shape(x->shape().begin(), x->shape().end() - 2)));
    const int64_t n = x->dim(rank - 1);
    std::vector<double> matrix(static_cast<size_t>(n * n));
    for (int64_t i = 0; i < out.count(); ++i) {
      std::copy_n(from.data() + i * n * n, n * n, matrix.begin());
      out[i] = static_cast<A>(determinant(matrix, static_cast<size_t>(n)));
    }
    out.finish();
    return {};
  });
}

int64_t det_flops(const Node&, std::span<const Shape> inputs, std::span<const Shape>) {
  const int64_t n = inputs[0].empty() ? 1 : inputs[0].back();
  return 2 * element_count(inputs[0]) * n / 3;
}

}  // namespace

void register_det(OperatorRegistry& registry) {
  registry.add({"", "Det", {11, 22}, 1, 1, 1, 1, trait_none, infer_det, run_det, det_flops});
}

}  // namespace lathe
