// SPDX-License-Identifier: Apache-2.0
// Shapes of numpy-style matrix products: batches broadcast, vectors are promoted.
#pragma once

#include "engine/base/result.h"
#include "engine/graph/graph.h"
#include "engine/ops/matrix_product.h"

namespace lathe {

struct MatMulGeometry {
  int64_t m = 0, n = 0, k = 0;
  Shape batch;                                ///< broadcast batch axes
  std::vector<int64_t> a_strides, b_strides;  ///< per batch axis, in matrices; 0 where broadcast
  Shape output;                               ///< whole output shape, promoted axes removed

  int64_t flops() const { return 2 * element_count(batch) * m * n * k; }
};

Result<MatMulGeometry> resolve_matmul(const Node& node, const Shape& a, const Shape& b);
Result<Dims> matmul_output(const Node& node, const Dims& a, const Dims& b);

/// Index of the a or b matrix (by its strides) that batch item `item` uses.
int64_t batch_offset(const Shape& batch, std::span<const int64_t> strides, int64_t item);

/// y = a b for contiguous operands of these shapes.
template <class A>
void matmul(const MatMulGeometry& shape, const A* a, const A* b, A* y) {
  for (int64_t item = 0; item < element_count(shape.batch); ++item)
    multiply<A>(shape.m, shape.n, shape.k,
                a + batch_offset(shape.batch, shape.a_strides, item) * shape.m * shape.k, false,
                b + batch_offset(shape.batch, shape.b_strides, item) * shape.k * shape.n, false,
                y + item * shape.m * shape.n);
}

/// numpy broadcasting of symbolic shapes: an unknown size gives way to a known one.
Result<Dims> broadcast_batch(const Node& node, std::span<const Dim> a, std::span<const Dim> b);

}  // namespace lathe
