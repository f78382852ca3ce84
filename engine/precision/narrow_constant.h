// SPDX-License-Identifier: Apache-2.0
// Constants in a narrow type.
#pragma once

#include "engine/tensor/tensor.h"

namespace lathe {

/// What narrowing would do to the elements of a constant.
struct ConstantRange {
  bool beyond = false;      ///< a finite element is beyond the narrow type's largest number
  bool only_masks = false;  ///< all of those are negative, as in masks that are added before a Softmax
  bool vanishes = false;    ///< a single number other than 0 that becomes 0 or loses digits to underflow
  float largest = 0;        ///< the element of the largest magnitude
};
ConstantRange constant_range(const Tensor& tensor, ElementType narrow);

struct NarrowConstant {
  Tensor tensor;
  int64_t clamped = 0;  ///< finite elements that became the largest finite number instead of infinity
};
/// `tensor` is f32. Rounded to nearest even; finite numbers stay finite.
Result<NarrowConstant> narrow_constant(const Tensor& tensor, ElementType narrow);

}  // namespace lathe
