// SPDX-License-Identifier: Apache-2.0
// The taps of a resampled axis, laid out for vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ops/resize_geometry.h"

namespace lathe::simd {

/// `count` taps for each of `outputs`: tap k of output o stands at [k * outputs + o].
struct EvenTaps {
  size_t count = 0, outputs = 0;
  std::vector<int32_t> indices;
  std::vector<float> weights;
  bool copies = false;  ///< each output is one input
  size_t repeats = 0;   ///< output o is input o / repeats; 0: no such number
};

}  // namespace lathe::simd
