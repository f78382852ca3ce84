// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/narrow_constant.h"

#include <cmath>

namespace lathe {
namespace {

constexpr float f16_max = 65504.0F, f16_smallest_normal = 0x1p-14F;
constexpr float bf16_max = 0x1.FEp127F;

float largest_number(ElementType narrow) {
  return narrow == ElementType::f16 ? f16_max : bf16_max;
}

/// The first number that rounds to infinity lies half a step above the largest one.
bool overflows(float magnitude, ElementType narrow) {
  return std::isfinite(magnitude) &&
         (narrow == ElementType::f16 ? magnitude >= 65520.0F : magnitude >= 0x1.FFp127F);
}

template <class T>
int64_t narrow_elements(std::span<const float> from, std::span<T> to, ElementType type) {
  const float limit = largest_number(type);
  int64_t clamped = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const bool beyond = overflows(std::fabs(from[i]), type);
    to[i] = T(beyond ? std::copysign(limit, from[i]) : from[i]);
    clamped += beyond;
  }
  return clamped;
}

}  // namespace

ConstantRange constant_range(const Tensor& tensor, ElementType narrow) {
  ConstantRange range;
  bool positive = false;
  for (const float value : tensor.data<float>()) {
    const float magnitude = std::fabs(value);
    if (std::isfinite(value) && magnitude > std::fabs(range.largest)) range.largest = value;
    if (!overflows(magnitude, narrow)) continue;
    range.beyond = true;
    positive = positive || value > 0;
  }
  range.only_masks = range.beyond && !positive;
  range.vanishes = narrow == ElementType::f16 && tensor.count() == 1 && range.largest != 0 &&
                   std::fabs(range.largest) < f16_smallest_normal;
  return range;
}

Result<NarrowConstant> narrow_constant(const Tensor& tensor, ElementType narrow) {
  NarrowConstant made;
  LATHE_ASSIGN(made.tensor, Tensor::allocate(narrow, tensor.shape()));
  const auto from = tensor.data<float>();
  if (narrow == ElementType::f16)
    made.clamped = narrow_elements(from, made.tensor.mutable_data<F16>(), narrow);
  else
    made.clamped = narrow_elements(from, made.tensor.mutable_data<BF16>(), narrow);
  return made;
}

}  // namespace lathe
