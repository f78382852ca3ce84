// SPDX-License-Identifier: Apache-2.0
// Exact products of 8-bit matrices with 32-bit sums.
#pragma once

#include "engine/kernels/onednn/common.h"

namespace lathe::onednn {

/// a [rows, depth] (u8) times constant b [depth, columns], both as stored, but for `shift`.
struct IntegerProduct {
  std::unique_ptr<Kernel> kernel;     ///< input 0 is a, output 0 the sums (i32); both plain
  int32_t shift = 0;                  ///< what was subtracted from each element of b, to make i8 of u8
  std::vector<uint32_t> column_sums;  ///< of b after that, modulo 2^32
};

/// a is u8: what oneDNN does for i8 is not exact beyond 2^24. Sums are modulo 2^32 and exact on every
/// machine: with VNNI in 8 bit, elsewhere in f32 in slices of the depth that it can add up without rounding.
/// Throws dnnl::error and std::bad_alloc.
IntegerProduct make_integer_product(int64_t rows, const Tensor& b);

}  // namespace lathe::onednn
