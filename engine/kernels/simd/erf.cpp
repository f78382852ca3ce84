// SPDX-License-Identifier: Apache-2.0
// The error function of f32 tensors, compiled per instruction set.
//
// |x| < 1: x P(x^2). From 1 to 4: 1 - exp(Q(|x|)), where Q approximates ln erfc; beyond 4 the result is 1 in
// f32. P and Q are Chebyshev fits; the relative error stays below 2e-7 everywhere.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/erf.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "engine/kernels/simd/elementwise_kernel.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <size_t N, class D, class V = hn::Vec<D>>
V polynomial(D d, V x, const float (&coefficients)[N]) {
  V sum = hn::Set(d, coefficients[N - 1]);
  for (size_t i = N - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[i]));
  return sum;
}

template <class D, class V = hn::Vec<D>>
V erf(D d, V x) {
  static constexpr float p[] = {1.128379225730896F,      -0.37612637877464294F,  0.11283782869577408F,
                                -0.026865437626838684F,  0.005221053492277861F,  -0.0008484396385028958F,
                                0.00011268253729213029F, -9.673590284364764e-06F};
  static constexpr float q[] = {0.0003032129898201674F, -1.1301666498184204F,    -0.6319370865821838F,
                                -0.10997824370861053F,  0.02636471763253212F,    -0.004740222357213497F,
                                0.0005927695310674608F, -4.559062290354632e-05F, 1.6140616025950294e-06F};
  const V magnitude = hn::Abs(x);
  const V near = hn::Mul(x, polynomial(d, hn::Mul(x, x), p));
  const auto is_near = hn::Lt(magnitude, hn::Set(d, 1.0F));
  if (hn::AllTrue(d, is_near)) return near;
  const V bounded = hn::Min(magnitude, hn::Set(d, 4.0F));
  const V far = hn::Sub(hn::Set(d, 1.0F), hn::Exp(d, polynomial(d, bounded, q)));
  const V whole = hn::IfThenElse(is_near, near, hn::CopySign(far, x));
  return hn::IfThenElse(hn::Eq(x, x), whole, x);  // Min and Exp do not keep NaN
}

void erf_all(const float* from, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(erf(d, hn::LoadU(d, from + i)), d, to + i);
  const hn::CappedTag<float, 1> one;
  for (; i < count; ++i) hn::StoreU(erf(one, hn::LoadU(one, from + i)), one, to + i);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(erf_all);

Prepared prepare_erf(const KernelRequest& request) {
  return prepare_elementwise(request, "simd:erf", [](const float* from, float* to, size_t count) {
    HWY_DYNAMIC_DISPATCH(erf_all)(from, to, count);
  });
}

}  // namespace
}  // namespace simd

void register_erf(KernelRegistry& registry) {
  registry.add({"simd:erf", {"Erf"}, simd::prepare_erf});
}

}  // namespace lathe
#endif
