// SPDX-License-Identifier: Apache-2.0
// Arithmetic of linearly quantised tensors: real = scale * (stored - zero_point).
#pragma once

#include "engine/ops/operand.h"

namespace lathe {

/// Elements minus their zero point, as 32-bit integers that may wrap. `zero_point` may be null;
/// `zero_point_shape` is the shape it broadcasts from (row-wise zero points need a trailing 1 that they are
/// not stored with). Errors: shapes do not fit, types other than 8 and 16 bit integers.
Result<std::vector<uint32_t>> centered_integers(const RunContext& context, const Tensor& tensor,
                                                const Tensor* zero_point, Shape zero_point_shape = {});

/// Input i when it is there, else null.
const Tensor* optional_tensor(const RunContext& context, size_t i);

/// The single element of input i (any numeric type), or an error naming it.
Result<float> scalar_input(const RunContext& context, size_t i, const char* name);

/// round_half_even(value) + zero_point saturated to `type`; stored at index i of `to`.
class Quantizer {
 public:
  /// The zero point gives the element type; absent: u8 and 0.
  static Result<Quantizer> make(const RunContext& context, const Tensor* zero_point);
  ElementType type() const { return type_; }
  int32_t zero_point() const { return zero_point_; }
  /// `values` in units of the output's scale.
  Status store(RunContext& context, size_t output, Shape shape, std::span<const float> values) const;

 private:
  ElementType type_ = ElementType::u8;
  int32_t zero_point_ = 0;
};

}  // namespace lathe
