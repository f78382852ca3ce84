// SPDX-License-Identifier: Apache-2.0
// What MatMul, Gemm and lathe.FusedMatMul ask for, read once for every provider's kernel: transposes and
// permutations become strides, batches that say nothing are dropped, and rows of one matrix are put together.
#pragma once

#include <variant>
#include <vector>

#include "engine/kernels/kernel.h"
#include "engine/ops/activation.h"

namespace lathe {

/// An operand after every permutation: sizes, and strides in elements.
struct MatrixView {
  Shape shape;
  std::vector<int64_t> strides;
};

MatrixView plain_view(const Shape& shape);
/// Leading axes of size 1 until the rank is reached.
MatrixView with_rank(MatrixView view, size_t rank);

/// y = activation(scale * a x b + bias + residual), whichever of the three operators it is. All three views
/// have the same rank, at least 2.
struct MatrixProduct {
  MatrixView a, b, y;
  float scale = 1.0F;
  size_t bias = 0, residual = 0;  ///< input numbers, 0 for none
  Activation activation;
};

/// Of f32 or bf16 elements (a bias may be f32 in any case).
std::variant<MatrixProduct, Decline> read_product(const KernelRequest& request);

}  // namespace lathe
