// SPDX-License-Identifier: Apache-2.0
// Conversion of a tensor's elements to another element type, as Cast defines it.
#pragma once

#include <string>

#include "engine/ops/low_precision.h"
#include "engine/tensor/tensor.h"

namespace lathe {

struct ConversionOptions {
  bool saturate = true;                              ///< to 8-bit floats, see to_low_precision
  ScaleRounding scale_rounding = ScaleRounding::up;  ///< to F8E8M0
};

/// True for every type but complex numbers and undefined.
bool is_convertible(ElementType type);

/// Fills `to`, which has as many elements. Floats are rounded to nearest even, once. Floats to integers are
/// truncated: 32- and 64-bit ones saturate, narrower ones keep the low bits of the saturated 32-bit integer,
/// NaN gives 0. Integers keep their low bits. Numbers print as the shortest text that reads back as the same.
/// Errors: a string that is no number; a type that is not convertible.
Status convert_elements(const Tensor& from, Tensor& to, const ConversionOptions& options = {});

}  // namespace lathe
