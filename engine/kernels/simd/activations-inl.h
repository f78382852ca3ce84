// SPDX-License-Identifier: Apache-2.0
// Activation functions of one vector, for vector code that fuses them; included once per instruction set,
// after <hwy/highway.h>.
#if defined(LATHE_ACTIVATIONS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LATHE_ACTIVATIONS_INL_H
#undef LATHE_ACTIVATIONS_INL_H
#else
#define LATHE_ACTIVATIONS_INL_H
#endif

#include <cstddef>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "engine/kernels/simd/exponential-inl.h"
#include "engine/ops/activation.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <size_t N, class D, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, V x, const float (&coefficients)[N]) {
  V sum = hn::Set(d, coefficients[N - 1]);
  for (size_t i = N - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[i]));
  return sum;
}

/// |x| < 1: x P(x^2). From 1 to 4: 1 - exp(Q(|x|)), where Q approximates ln erfc; beyond 4 the result is 1 in
/// f32. P and Q are Chebyshev fits; the relative error stays below 2e-7 everywhere.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf(D d, V x) {
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

/// 1 / x of numbers that are neither subnormal nor give subnormal ones, to the last bit or two. An estimate
/// of 14 bits (12 and fewer on narrower machines), of which each step doubles the bits, costs less than to
/// divide.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V reciprocal(D d, V x) {
  constexpr int steps = HWY_TARGET <= HWY_AVX3 ? 1 : 2;
  V y = hn::ApproximateReciprocal(x);
  for (int i = 0; i < steps; ++i) y = hn::MulAdd(y, hn::NegMulAdd(x, y, hn::Set(d, 1.0F)), y);
  return y;
}

/// 1 / (1 + e^-x). NaN stays.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  // Beyond 87 both ends are reached in f32, and below 1e-8 the middle. Further out, numbers would get
  // subnormal, of which some processors take a hundred cycles each: the result, or powers of x.
  const V clamped = hn::Min(hn::Max(x, hn::Set(d, -87.0F)), hn::Set(d, 87.0F));
  const V bounded = hn::IfThenZeroElse(hn::Lt(hn::Abs(x), hn::Set(d, 1e-8F)), clamped);
  const V y = reciprocal(d, hn::Add(hn::Set(d, 1.0F), bounded_exponential(d, hn::Neg(bounded))));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

struct NoActivation {
  template <class D, class V>
  static HWY_INLINE V of(D, V x, const Activation&) {
    return x;
  }
};
struct Relu {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation&) {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x);
  }
};
/// max(x, 0) - a Phi(-a) with a = |x|, Phi the normal distribution. The second part is small and dies away,
/// so that nothing cancels: ln Phi(-a) by a polynomial, a fit for least a |error|, up to 5.8, where the part
/// is 2e-8.
struct Gelu {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation&) {
    static constexpr float log_phi[] = {
        -0.6931471824645996F,    -0.7978857159614563F,    -0.3182965815067291F,
        -0.03639371320605278F,   0.004904343280941248F,   -0.00010110947187058628F,
        -0.0001265323517145589F, 2.6769863325171173e-05F, -1.9214380699850153e-06F};
    const V a = hn::Min(hn::Abs(x), hn::Set(d, 5.8F));
    const V part = hn::Mul(a, bounded_exponential(d, polynomial(d, a, log_phi)));
    return hn::Sub(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x), part);  // Max does not keep NaN
  }
};
/// x / 2 (1 + tanh u) is x sigmoid(2 u).
struct GeluTanh {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation&) {
    const V inner =
        hn::MulAdd(hn::Mul(x, x), hn::Set(d, 2 * 0.79788456F * 0.044715F), hn::Set(d, 2 * 0.79788456F));
    return hn::Mul(x, sigmoid(d, hn::Mul(x, inner)));
  }
};
struct Sigmoid {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation&) {
    return sigmoid(d, x);
  }
};
struct Swish {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation& activation) {
    return hn::Mul(x, sigmoid(d, hn::Mul(hn::Set(d, activation.alpha), x)));
  }
};

/// Of [alpha, beta]. NaN stays.
struct Clip {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation& activation) {
    const V low = hn::Set(d, activation.alpha), high = hn::Set(d, activation.beta);
    return hn::IfThenElse(hn::Lt(x, low), low, hn::IfThenElse(hn::Gt(x, high), high, x));
  }
};
struct HardSwish {
  template <class D, class V>
  static HWY_INLINE V of(D d, V x, const Activation&) {
    const V gate = hn::MulAdd(x, hn::Set(d, 1.0F / 6), hn::Set(d, 0.5F));
    return hn::Mul(x, hn::Min(hn::Max(gate, hn::Zero(d)), hn::Set(d, 1.0F)));
  }
};

/// call(F()) with the struct of a kind that is_fused_activation() knows.
template <class Call>
HWY_INLINE void with_activation(ActivationKind kind, const Call& call) {
  switch (kind) {
    case ActivationKind::relu:
      return call(Relu());
    case ActivationKind::gelu:
      return call(Gelu());
    case ActivationKind::gelu_tanh:
      return call(GeluTanh());
    case ActivationKind::sigmoid:
      return call(Sigmoid());
    case ActivationKind::swish:
      return call(Swish());
    case ActivationKind::clip:
      return call(Clip());
    case ActivationKind::hard_swish:
      return call(HardSwish());
    default:
      return call(NoActivation());
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
