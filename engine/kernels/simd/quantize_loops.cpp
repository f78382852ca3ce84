// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/quantize_loops.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <hwy/highway.h>

#include "engine/kernels/simd/quantize_loops.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, class T>
void quantize_at(D d, const float* HWY_RESTRICT from, float scale, int32_t zero_point, T* HWY_RESTRICT to) {
  const hn::Rebind<int32_t, D> d32;
  const hn::Rebind<T, D> d8;
  const auto steps = hn::Div(hn::LoadU(d, from), hn::Set(d, scale));
  // Far beyond what 8 bit can hold, but within what the conversion to integers can.
  const auto bounded = hn::Min(hn::Max(steps, hn::Set(d, -100000.0F)), hn::Set(d, 100000.0F));
  const auto known = hn::IfThenElseZero(hn::Eq(steps, steps), bounded);
  const auto stored = hn::Add(hn::NearestInt(known), hn::Set(d32, zero_point));
  hn::StoreU(hn::DemoteTo(d8, stored), d8, to);
}

template <class D, class T>
void dequantize_at(D d, const T* HWY_RESTRICT from, float scale, int32_t zero_point, float* HWY_RESTRICT to) {
  const hn::Rebind<int32_t, D> d32;
  const hn::Rebind<T, D> d8;
  const auto centred = hn::Sub(hn::PromoteTo(d32, hn::LoadU(d8, from)), hn::Set(d32, zero_point));
  hn::StoreU(hn::Mul(hn::ConvertTo(d, centred), hn::Set(d, scale)), d, to);
}

template <class T>
void quantize_all(const float* from, float scale, int32_t zero_point, T* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) quantize_at(d, from + i, scale, zero_point, to + i);
  for (; i < count; ++i) quantize_at(hn::CappedTag<float, 1>(), from + i, scale, zero_point, to + i);
}

template <class T>
void dequantize_all(const T* from, float scale, int32_t zero_point, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) dequantize_at(d, from + i, scale, zero_point, to + i);
  for (; i < count; ++i) dequantize_at(hn::CappedTag<float, 1>(), from + i, scale, zero_point, to + i);
}

void quantize_u8(const float* from, float scale, int32_t zero_point, uint8_t* to, size_t count) {
  quantize_all(from, scale, zero_point, to, count);
}
void quantize_i8(const float* from, float scale, int32_t zero_point, int8_t* to, size_t count) {
  quantize_all(from, scale, zero_point, to, count);
}
void dequantize_u8(const uint8_t* from, float scale, int32_t zero_point, float* to, size_t count) {
  dequantize_all(from, scale, zero_point, to, count);
}
void dequantize_i8(const int8_t* from, float scale, int32_t zero_point, float* to, size_t count) {
  dequantize_all(from, scale, zero_point, to, count);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(quantize_u8);
HWY_EXPORT(quantize_i8);
HWY_EXPORT(dequantize_u8);
HWY_EXPORT(dequantize_i8);

void quantize(const float* from, float scale, int32_t zero_point, uint8_t* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(quantize_u8)(from, scale, zero_point, to, count);
}
void quantize(const float* from, float scale, int32_t zero_point, int8_t* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(quantize_i8)(from, scale, zero_point, to, count);
}
void dequantize(const uint8_t* from, float scale, int32_t zero_point, float* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(dequantize_u8)(from, scale, zero_point, to, count);
}
void dequantize(const int8_t* from, float scale, int32_t zero_point, float* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(dequantize_i8)(from, scale, zero_point, to, count);
}

}  // namespace lathe::simd
#endif
