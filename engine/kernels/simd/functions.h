// SPDX-License-Identifier: Apache-2.0
// Functions of one f32 tensor that vector code computes.
#pragma once

#include <cstddef>

namespace lathe::simd {

enum class Function {
  log,
  sin,
  cos,
  softplus,
  mish,
  swish,
  elu,  ///< times beta: Selu too
  celu,
  hard_sigmoid,
  thresholded_relu,
  floor,
  ceil,
  round,
  sign,
  power_whole,  ///< x^alpha, alpha a small whole number
  power_root,   ///< x^0.5 or x^-0.5
  power,        ///< x^alpha, alpha finite
};

/// A function with the operator's attributes.
struct FunctionTask {
  Function function = Function::log;
  float alpha = 0, beta = 0;
};

/// to[0..count) from from[0..count), which are the same memory or do not overlap. After cap_targets().
void map_function(const FunctionTask& task, const float* from, float* to, size_t count);

}  // namespace lathe::simd
