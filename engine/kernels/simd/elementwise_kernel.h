// SPDX-License-Identifier: Apache-2.0
// A kernel around a loop over the elements of one f32 tensor.
#pragma once

#include <functional>

#include "engine/kernels/kernel.h"

namespace lathe::simd {

/// Computes to[0..count) from from[0..count). They are the same memory or do not overlap.
using ElementwiseLoop = std::function<void(const float* from, float* to, size_t count)>;

/// Wraps `loop` for an f32 input 0 and an output with as many elements, in the layout that the input has,
/// possibly in place; declines anything else.
Prepared prepare_elementwise(const KernelRequest& request, std::string name, ElementwiseLoop loop);

}  // namespace lathe::simd
