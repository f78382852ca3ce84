// SPDX-License-Identifier: Apache-2.0
// Functions of one f32 tensor, compiled per instruction set. What an approximation does not cover (numbers
// that are not finite, poles, angles too large to be reduced) is mended afterwards, as in the reference.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/function_loops.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>
#include <limits>

#include "engine/kernels/simd/functions.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V>
V chosen(D d, V x, V otherwise) {  // x where it is a number, so that NaN stays
  (void)d;
  return hn::IfThenElse(hn::Eq(x, x), otherwise, x);
}

/// e^x, where x is no NaN. Beyond 100 everything is infinite.
template <class D, class V>
V exponential(D d, V x) {
  return hn::Exp(d, hn::Min(x, hn::Set(d, 100.0F)));
}

/// e^x - 1, where x is no NaN.
template <class D, class V>
V exponential_less_one(D d, V x) {
  return hn::Expm1(d, hn::Min(x, hn::Set(d, 100.0F)));
}

/// ln(1 + t) of t from 0 to 1 by the series of 2 artanh(t / (2 + t)): 3e-8 of the result.
template <class D, class V>
V log_one_more(D d, V t) {
  const V s = hn::Div(t, hn::Add(t, hn::Set(d, 2.0F)));
  const V square = hn::Mul(s, s);
  V sum = hn::Set(d, 2.0F / 15);
  for (int odd = 13; odd > 0; odd -= 2)
    sum = hn::MulAdd(sum, square, hn::Set(d, 2.0F / static_cast<float>(odd)));
  return hn::Mul(s, sum);
}

/// f of each lane on its own.
template <class D, class V, class F>
V each_lane(D d, V x, F f) {
  float lanes[hn::MaxLanes(d)];
  hn::StoreU(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = f(lanes[i]);
  return hn::LoadU(d, lanes);
}

struct Log {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask&) {
    const V zero = hn::Zero(d), infinite = hn::Set(d, std::numeric_limits<float>::infinity());
    const V y = hn::Log(d, x);
    const auto covered = hn::And(hn::Gt(x, zero), hn::Lt(x, infinite));
    if (HWY_LIKELY(hn::AllTrue(d, covered))) return y;
    const V negative = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    const V special = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinite),
                                     hn::IfThenElse(hn::Gt(x, zero), infinite, negative));
    return hn::IfThenElse(covered, y, special);
  }
};

template <bool cosine>
struct Circular {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask&) {
    if (HWY_UNLIKELY(!hn::AllTrue(d, hn::Lt(hn::Abs(x), hn::Set(d, 30000.0F)))))
      return each_lane(d, x, [](float lane) { return cosine ? std::cos(lane) : std::sin(lane); });
    if constexpr (cosine)
      return hn::Cos(d, x);
    else
      return hn::Sin(d, x);
  }
};

struct Softplus {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask&) {
    const V small = log_one_more(d, hn::Exp(d, hn::Neg(hn::Abs(x))));
    return chosen(d, x, hn::Add(hn::Max(x, hn::Zero(d)), small));
  }
};

/// tanh(ln(1 + e)) is (e^2 + 2e) / (e^2 + 2e + 2).
struct Mish {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask&) {
    const V two = hn::Set(d, 2.0F), e = hn::Exp(d, hn::Min(x, hn::Set(d, 20.0F)));
    const V n = hn::Mul(e, hn::Add(e, two));
    return hn::Mul(x, hn::Div(n, hn::Add(n, two)));
  }
};

struct Swish {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V e = exponential(d, hn::Mul(hn::Set(d, -task.alpha), x));
    return hn::Div(x, hn::Add(e, hn::Set(d, 1.0F)));
  }
};

/// beta * alpha * (e^x - 1) of negative numbers, beta * x of others.
struct Elu {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V bent = hn::Mul(hn::Set(d, task.alpha), exponential_less_one(d, x));
    return hn::Mul(hn::Set(d, task.beta), hn::IfThenElse(hn::Lt(x, hn::Zero(d)), bent, x));
  }
};

struct Celu {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V alpha = hn::Set(d, task.alpha);
    const V bent = hn::Mul(alpha, exponential_less_one(d, hn::Div(x, alpha)));
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), bent, x);
  }
};

struct HardSigmoid {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V one = hn::Set(d, 1.0F), zero = hn::Zero(d);
    const V y = hn::Add(hn::Mul(x, hn::Set(d, task.alpha)), hn::Set(d, task.beta));
    return hn::IfThenElse(hn::Lt(y, zero), zero, hn::IfThenElse(hn::Gt(y, one), one, y));
  }
};

struct ThresholdedRelu {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    return chosen(d, x, hn::IfThenElseZero(hn::Gt(x, hn::Set(d, task.alpha)), x));
  }
};

struct Floor {
  template <class D, class V>
  static V of(D, V x, const FunctionTask&) {
    return hn::Floor(x);
  }
};
struct Ceil {
  template <class D, class V>
  static V of(D, V x, const FunctionTask&) {
    return hn::Ceil(x);
  }
};
struct Round {
  template <class D, class V>
  static V of(D, V x, const FunctionTask&) {
    return hn::Round(x);
  }
};
struct Sign {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask&) {
    const V zero = hn::Zero(d), one = hn::Set(d, 1.0F);
    return hn::IfThenElse(hn::Gt(x, zero), one, hn::IfThenElse(hn::Lt(x, zero), hn::Neg(one), x));
  }
};

/// By repeated squaring; of the reciprocal where the exponent is negative, which does not overflow early.
struct PowerWhole {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V one = hn::Set(d, 1.0F);
    const int exponent = static_cast<int>(task.alpha);
    if (exponent < 0) x = hn::Div(one, x);
    V power = one;
    for (int rest = std::abs(exponent); rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) power = hn::Mul(power, x);
      if (rest > 1) x = hn::Mul(x, x);
    }
    return power;
  }
};

/// Powers take the root of negative infinity, and that of negative zero without its sign.
struct PowerRoot {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V infinite = hn::Set(d, std::numeric_limits<float>::infinity());
    const V root = hn::Sqrt(hn::IfThenElse(hn::Eq(x, hn::Neg(infinite)), infinite,
                                           hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), x)));
    return task.alpha > 0 ? root : hn::Div(hn::Set(d, 1.0F), root);
  }
};

/// Of positive numbers e^(alpha ln x) in double: in f32 the product's rounding would show in the result.
struct Power {
  template <class D, class V>
  static V of(D d, V x, const FunctionTask& task) {
    const V infinite = hn::Set(d, std::numeric_limits<float>::infinity());
    if (HWY_UNLIKELY(!hn::AllTrue(d, hn::And(hn::Gt(x, hn::Zero(d)), hn::Lt(x, infinite)))))
      return each_lane(d, x, [&](float lane) { return std::pow(lane, task.alpha); });
    const hn::Rebind<double, D> wide;
    const auto product =
        hn::Mul(hn::Set(wide, static_cast<double>(task.alpha)), hn::Log(wide, hn::PromoteTo(wide, x)));
    const auto bounded = hn::Min(hn::Max(product, hn::Set(wide, -200.0)), hn::Set(wide, 200.0));
    return hn::DemoteTo(d, hn::Exp(wide, bounded));
  }
};

template <class F, class D>
void map(D d, const FunctionTask& task, const float* from, float* to, size_t count) {
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(F::of(d, hn::LoadU(d, from + i), task), d, to + i);
  if (i == count) return;
  float rest[hn::MaxLanes(d)];
  std::fill_n(rest, lanes, 1.0F);
  std::copy_n(from + i, count - i, rest);
  hn::StoreU(F::of(d, hn::LoadU(d, rest), task), d, rest);
  std::copy_n(rest, count - i, to + i);
}

void map_all(const FunctionTask& task, const float* from, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  switch (task.function) {
    case Function::log:
      return map<Log>(d, task, from, to, count);
    case Function::sin:
      return map<Circular<false>>(d, task, from, to, count);
    case Function::cos:
      return map<Circular<true>>(d, task, from, to, count);
    case Function::softplus:
      return map<Softplus>(d, task, from, to, count);
    case Function::mish:
      return map<Mish>(d, task, from, to, count);
    case Function::swish:
      return map<Swish>(d, task, from, to, count);
    case Function::elu:
      return map<Elu>(d, task, from, to, count);
    case Function::celu:
      return map<Celu>(d, task, from, to, count);
    case Function::hard_sigmoid:
      return map<HardSigmoid>(d, task, from, to, count);
    case Function::thresholded_relu:
      return map<ThresholdedRelu>(d, task, from, to, count);
    case Function::floor:
      return map<Floor>(d, task, from, to, count);
    case Function::ceil:
      return map<Ceil>(d, task, from, to, count);
    case Function::round:
      return map<Round>(d, task, from, to, count);
    case Function::sign:
      return map<Sign>(d, task, from, to, count);
    case Function::power_whole:
      return map<PowerWhole>(d, task, from, to, count);
    case Function::power_root:
      return map<PowerRoot>(d, task, from, to, count);
    case Function::power:
      return map<Power>(hn::Rebind<float, hn::ScalableTag<double>>(), task, from, to, count);
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

HWY_EXPORT(map_all);

void map_function(const FunctionTask& task, const float* from, float* to, size_t count) {
  HWY_DYNAMIC_DISPATCH(map_all)(task, from, to, count);
}

}  // namespace lathe::simd
#endif
