// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing, as image libraries for training do it: pixel centres at halves, and when shrinking the
// triangle widens with the factor, so that every pixel counts (antialiasing). Internal to data.
#pragma once

#include <vector>

#include "engine/tensor/shape.h"

namespace lathe {

/// A dense row-major block of numbers.
struct Grid {
  Shape shape;
  std::vector<double> values;
};

/// Resizes one axis to `size` > 0; the axis must not be empty.
void resample_axis(Grid& grid, size_t axis, int64_t size);

}  // namespace lathe
