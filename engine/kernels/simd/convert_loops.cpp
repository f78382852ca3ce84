// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/convert_loops.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <hwy/highway.h>

#include "engine/kernels/simd/convert_loops.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, class T>
void quantize_at(D d, const float* HWY_RESTRICT from, float scale, int32_t zero_point, T* HWY_RESTRICT to) {
  const hn::Rebind<int32_t, D> d32;
  const hn::Rebind<T, D> d8;
  const auto steps = hn::Div(hn::LoadU(d, from), hn::Set(d, scale));
  // Beyond what 8 bit can hold, but within 16 bit: demoting in two steps wraps beyond that on AVX-512.
  const auto bounded = hn::Min(hn::Max(steps, hn::Set(d, -1000.0F)), hn::Set(d, 1000.0F));
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

template <class D>
void narrow_f16_at(D d, const float* from, uint16_t* to) {
  const hn::Rebind<hwy::float16_t, D> half;
  const hn::Rebind<uint16_t, D> bits;
  hn::StoreU(hn::BitCast(bits, hn::DemoteTo(half, hn::LoadU(d, from))), bits, to);
}
template <class D>
void widen_f16_at(D d, const uint16_t* from, float* to) {
  const hn::Rebind<hwy::float16_t, D> half;
  const hn::Rebind<uint16_t, D> bits;
  hn::StoreU(hn::PromoteTo(d, hn::BitCast(half, hn::LoadU(bits, from))), d, to);
}
template <class D>
void narrow_bf16_at(D d, const float* from, uint16_t* to) {
  const hn::Rebind<uint32_t, D> wide;
  const hn::Rebind<uint16_t, D> bits;
  const auto x = hn::LoadU(d, from);
  const auto raw = hn::BitCast(wide, x);
  const auto odd = hn::And(hn::ShiftRight<16>(raw), hn::Set(wide, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(raw, hn::Add(hn::Set(wide, 0x7FFF), odd)));
  // Rounding up a NaN's mantissa could make an infinity of it.
  const auto quiet = hn::Or(hn::ShiftRight<16>(raw), hn::Set(wide, 0x40));
  const auto known = hn::RebindMask(wide, hn::Eq(x, x));
  const hn::Rebind<int32_t, D> as_signed;
  // Through the signed type: there is no unsigned demotion everywhere; the values fit after moving them down.
  const auto stored = hn::BitCast(as_signed, hn::IfThenElse(known, rounded, quiet));
  hn::StoreU(hn::DemoteTo(bits, stored), bits, to);
}
template <class D>
void widen_bf16_at(D d, const uint16_t* from, float* to) {
  const hn::Rebind<uint32_t, D> wide;
  const hn::Rebind<uint16_t, D> bits;
  hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(bits, from)))), d, to);
}

void narrow_to_f16_all(const float* from, uint16_t* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) narrow_f16_at(d, from + i, to + i);
  for (; i < count; ++i) narrow_f16_at(hn::CappedTag<float, 1>(), from + i, to + i);
}
void narrow_to_bf16_all(const float* from, uint16_t* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) narrow_bf16_at(d, from + i, to + i);
  for (; i < count; ++i) narrow_bf16_at(hn::CappedTag<float, 1>(), from + i, to + i);
}
void widen_f16_all(const uint16_t* from, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) widen_f16_at(d, from + i, to + i);
  for (; i < count; ++i) widen_f16_at(hn::CappedTag<float, 1>(), from + i, to + i);
}
void widen_bf16_all(const uint16_t* from, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) widen_bf16_at(d, from + i, to + i);
  for (; i < count; ++i) widen_bf16_at(hn::CappedTag<float, 1>(), from + i, to + i);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(quantize_u8);
HWY_EXPORT(quantize_i8);
HWY_EXPORT(dequantize_u8);
HWY_EXPORT(dequantize_i8);
HWY_EXPORT(narrow_to_f16_all);
HWY_EXPORT(narrow_to_bf16_all);
HWY_EXPORT(widen_f16_all);
HWY_EXPORT(widen_bf16_all);

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
void narrow_to_f16(const float* from, uint16_t* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(narrow_to_f16_all)(from, to, count);
}
void narrow_to_bf16(const float* from, uint16_t* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(narrow_to_bf16_all)(from, to, count);
}
void widen_f16(const uint16_t* from, float* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(widen_f16_all)(from, to, count);
}
void widen_bf16(const uint16_t* from, float* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(widen_bf16_all)(from, to, count);
}

}  // namespace lathe::simd
#endif
