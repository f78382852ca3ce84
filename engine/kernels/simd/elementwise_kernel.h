// SPDX-License-Identifier: Apache-2.0
// A kernel around a loop over the elements of one f32 tensor.
#pragma once

#include "engine/kernels/kernel.h"

namespace lathe::simd {

/// Computes to[0..count) from from[0..count), which do not overlap.
using ElementwiseLoop = void (*)(const float* from, float* to, size_t count);

/// Wraps `loop` for one f32 input and output in plain layout; declines anything else.
Prepared prepare_elementwise(const KernelRequest& request, const char* name, ElementwiseLoop loop);

}  // namespace lathe::simd
