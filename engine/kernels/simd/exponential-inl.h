// SPDX-License-Identifier: Apache-2.0
// Exponentials of numbers whose range is known; included once per instruction set, after <hwy/highway.h>.
#if defined(LATHE_EXPONENTIAL_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_EXPONENTIAL_INL_H
#undef LATHE_EXPONENTIAL_INL_H
#else
#define LATHE_EXPONENTIAL_INL_H
#endif

#include <cstddef>
#include <hwy/highway.h>
#include <iterator>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// e^x of numbers from -87 to 88: 2^n e^r with |r| up to ln(2) / 2, by the series.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V bounded_exponential(D d, V x) {
  static constexpr float series[] = {1.0F / 5040, 1.0F / 720, 1.0F / 120, 1.0F / 24,
                                     1.0F / 6,    0.5F,       1.0F,       1.0F};
  const hn::RebindToSigned<D> di;
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504F)));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), x);  // ln 2 in two parts, the first of few bits
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  V power = hn::Set(d, series[0]);
  for (size_t i = 1; i < std::size(series); ++i) power = hn::MulAdd(power, r, hn::Set(d, series[i]));
  const auto exponent = hn::ShiftLeft<23>(hn::ConvertTo(di, n));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, power), exponent));
}

/// e^x of numbers up to 0 and NaN. What would be smaller than the smallest normal number is 0: beside 1, the
/// largest of a softmax, it counts for nothing, and some processors take a hundred cycles for each product
/// with a subnormal number.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exponential(D d, V x) {
  const V y = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.0F)), bounded_exponential(d, x));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
