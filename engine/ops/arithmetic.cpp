// SPDX-License-Identifier: Apache-2.0
// Arithmetic of two inputs: Add, Sub, Mul, Div, Mod, Pow, and the operators on bits. Integers wrap; f16 and
// bf16 are computed in f32 and rounded once.
#include <cmath>
#include <limits>

#include "engine/base/checked.h"
#include "engine/ops/binary.h"

namespace lathe {
namespace {

/// Unsigned and at least as wide as int, so that arithmetic wraps instead of overflowing.
template <class T>
using Wrapping = std::make_unsigned_t<decltype(T() + T())>;

struct AddOf {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
    else
      return a + b;
  }
};
struct SubOf {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
    else
      return a - b;
  }
};
struct MulOf {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
    else
      return a * b;
  }
};
/// Integers truncate; x / 0 is 0 and the smallest integer / -1 is itself.
struct DivOf {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>)
        if (b == T(-1)) return SubOf::of(T(0), a);
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};
/// C's remainder: the dividend's sign. Integer x mod 0 is 0.
struct FmodOf {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return b == 0 || (std::is_signed_v<T> && b == T(-1)) ? T(0) : static_cast<T>(a % b);
    else
      return std::fmod(a, b);
  }
};
/// Python's remainder: the divisor's sign, of a zero too.
struct ModOf {
  template <class T>
  static T of(T a, T b) {
    const T remainder = FmodOf::of(a, b);
    if (remainder != 0) return (remainder < 0) != (b < 0) ? static_cast<T>(remainder + b) : remainder;
    if constexpr (std::is_integral_v<T>)
      return remainder;
    else
      return std::copysign(remainder, b);
  }
};

template <class Op>
Status run_binary(RunContext& context) {
  LATHE_ASSIGN(const BinaryOperands in, binary_operands(context));
  LATHE_ASSIGN(Tensor * out, context.output(0, in.a->type(), in.output));
  const bool known = visit_numeric(in.a->type(), [&](auto tag) {
    using T = decltype(tag);
    binary_loop(in.loop, in.a->data<T>().data(), in.b->data<T>().data(), out->mutable_data<T>().data(),
                [](T a, T b) { return static_cast<T>(Op::of(Wide<T>(a), Wide<T>(b))); });
  });
  if (!known) return context.type_error(in.a->type());
  return {};
}

/// The same for operators of integers only.
template <class Op>
Status run_integers(RunContext& context) {
  LATHE_ASSIGN(const Tensor* a, tensor_input(context, 0, "A"));
  if (!visit_integer(a->type(), [](auto) {})) return context.type_error(a->type());
  LATHE_ASSIGN(const BinaryOperands in, binary_operands(context));
  LATHE_ASSIGN(Tensor * out, context.output(0, a->type(), in.output));
  visit_integer(a->type(), [&](auto tag) {
    using T = decltype(tag);
    binary_loop(in.loop, in.a->data<T>().data(), in.b->data<T>().data(), out->mutable_data<T>().data(),
                [](T x, T y) { return static_cast<T>(Op::of(x, y)); });
  });
  return {};
}

Status run_mod(RunContext& context) {
  if (context.attributes().get_int("fmod", 0) != 0) return run_binary<FmodOf>(context);
  LATHE_ASSIGN(const Tensor* a, tensor_input(context, 0, "A"));
  if (is_float(a->type()) && context.version() < 28)
    return context.error("takes floating-point elements only with fmod=1 before opset 28");
  return run_binary<ModOf>(context);
}

struct AndOf {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct OrOf {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct XorOf {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
/// False for shifts by the width or more, and for negative ones, which leave nothing but the sign.
template <class T>
bool keeps_bits(T shift) {
  return static_cast<uint64_t>(shift) < 8 * sizeof(T);
}
struct ShiftLeft {
  template <class T>
  static T of(T a, T b) {
    return keeps_bits(b) ? static_cast<T>(static_cast<uint64_t>(a) << b) : T(0);
  }
};
/// Fills with the sign.
struct ShiftRight {
  template <class T>
  static T of(T a, T b) {
    return keeps_bits(b) ? static_cast<T>(a >> b) : static_cast<T>(a < 0 ? -1 : 0);
  }
};

Status run_bit_shift(RunContext& context) {
  LATHE_ASSIGN(const Tensor* a, tensor_input(context, 0, "X"));
  if (is_signed_integer(a->type()) && context.version() < 28)
    return context.error("takes signed elements only from opset 28 on");
  const std::string direction = context.attributes().get_string("direction", "");
  if (direction == "LEFT") return run_integers<ShiftLeft>(context);
  if (direction == "RIGHT") return run_integers<ShiftRight>(context);
  return context.error("needs the direction LEFT or RIGHT, not '" + direction + "'");
}

/// Integer power modulo 2^n. Negative exponents give the truncated fraction, 0 of a zero base.
template <class T>
T integer_power(T base, uint64_t exponent, bool negative) {
  if (negative) {
    const bool unit = base == T(1) || (std::is_signed_v<T> && base == T(-1));
    if (!unit) return 0;
  }
  T power = 1;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) power = MulOf::of(power, base);
    base = MulOf::of(base, base);
  }
  return power;
}

template <class A>
A real_power(A base, A exponent) {
  return exponent == A(2) ? base * base : std::pow(base, exponent);
}

/// Towards zero, saturating; NaN gives 0.
template <class T>
T truncated(double value) {
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

template <class T, class E>
T power_of(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    const bool negative = exponent < 0;
    const auto bits = static_cast<uint64_t>(static_cast<int64_t>(exponent));
    return integer_power(base, negative ? 0 - bits : bits, negative);
  } else if constexpr (std::is_same_v<T, E>) {
    return static_cast<T>(real_power(Wide<T>(base), Wide<T>(exponent)));
  } else {
    const double power = real_power(static_cast<double>(base), static_cast<double>(exponent));
    if constexpr (std::is_integral_v<T>)
      return truncated<T>(power);
    else
      return static_cast<T>(power);
  }
}

/// Base and exponent may have different types; the output has the base's.
Status run_pow(RunContext& context) {
  LATHE_ASSIGN(const BinaryOperands in, binary_operands(context, true));
  if (!visit_numeric(in.a->type(), [](auto) {})) return context.type_error(in.a->type());
  if (!visit_numeric(in.b->type(), [](auto) {})) return context.type_error(in.b->type());
  LATHE_ASSIGN(Tensor * out, context.output(0, in.a->type(), in.output));
  visit_numeric(in.a->type(), [&](auto base_tag) {
    visit_numeric(in.b->type(), [&](auto exponent_tag) {
      using T = decltype(base_tag);
      using E = decltype(exponent_tag);
      const T* base = in.a->data<T>().data();
      const E* exponent = in.b->data<E>().data();
      T* to = out->mutable_data<T>().data();
      if constexpr (std::is_same_v<T, E>) {
        binary_loop(in.loop, base, exponent, to, [](T a, T b) { return power_of(a, b); });
      } else {
        in.loop.for_each_run([&](int64_t o, const BroadcastLoop::Offsets& at, int64_t n) {
          const int64_t step_a = in.loop.steps(0), step_b = in.loop.steps(1);
          for (int64_t i = 0; i < n; ++i)
            to[o + i] = power_of(base[at[0] + i * step_a], exponent[at[1] + i * step_b]);
        });
      }
    });
  });
  return {};
}

// What is known of the result of two known elements. `whole` is set where the elements are integers.
using Combine = std::optional<Dim> (*)(const Dim& a, const Dim& b, bool whole);

std::optional<Dim> add_dims(const Dim& a, const Dim& b, bool) {
  if (a.known() && b.known() && !checked_add(a.value(), b.value())) return std::nullopt;
  return a + b;
}
std::optional<Dim> subtract_dims(const Dim& a, const Dim& b, bool whole) {
  if (b.is(std::numeric_limits<int64_t>::min())) return std::nullopt;
  return add_dims(a, Dim(0) - b, whole);
}
std::optional<Dim> multiply_dims(const Dim& a, const Dim& b, bool) {
  if (a.known() && b.known() && !checked_mul(a.value(), b.value())) return std::nullopt;
  return a * b;
}
std::optional<Dim> divide_dims(const Dim& a, const Dim& b, bool whole) {
  if (b.is(0)) return std::nullopt;
  if (a.known() && b.known()) {
    if (!whole && FmodOf::of(a.value(), b.value()) != 0) return std::nullopt;
    return Dim(DivOf::of(a.value(), b.value()));
  }
  const Dim quotient = dim_floor_div(a, b);
  if (quotient * b == a) return quotient;
  // Division truncates, which is floor division only of what is not negative: sizes, but not "-H".
  if (!whole || (b.known() && b.value() < 0) || a.text().starts_with('-')) return std::nullopt;
  return quotient;
}
std::optional<Dim> modulo_dims(const Dim& a, const Dim& b, bool whole) {
  if (!whole || b.is(0)) return std::nullopt;
  if (a.known() && b.known()) return Dim(ModOf::of(a.value(), b.value()));
  if (b.is(1)) return Dim(0);
  return a - dim_floor_div(a, b) * b;
}
std::optional<Dim> power_dims(const Dim& a, const Dim& b, bool) {
  if (!b.known() || b.value() < 0 || b.value() > 4) return std::nullopt;
  std::optional<Dim> power = Dim(1);
  for (int64_t i = 0; power && i < b.value(); ++i) power = multiply_dims(*power, a, true);
  return power;
}

template <Combine combine>
Status infer_arithmetic(InferContext& context) {
  if (context.node().op_type != "Pow") LATHE_TRY(check_same_elements(context));
  LATHE_ASSIGN(const std::optional<Dims> dims, broadcast_inputs(context));
  const ElementType type = context.element(0);
  context.set_tensor(0, type, dims);
  if (combine == nullptr) return {};
  // Narrow integers wrap, which the symbols do not.
  const bool whole = type == ElementType::i64 || type == ElementType::i32;
  if (!whole && !is_float(type)) return {};
  if (context.attributes().get_int("fmod", 0) != 0) return {};
  propagate_binary(context, dims, [&](const Dim& a, const Dim& b) {
    std::optional<Dim> element = combine(a, b, whole);
    const bool wraps = type == ElementType::i32 && element && element->known() &&
                       element->value() != static_cast<int32_t>(element->value());
    return wraps ? std::nullopt : element;
  });
  return {};
}

}  // namespace

void register_arithmetic(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*run)(RunContext&),
                       Status (*infer)(InferContext&)) {
    registry.add({"", name, std::move(versions), 2, 2, 1, 1, trait_elementwise, infer, run});
  };
  add("Add", {1, 6, 7, 13, 14}, run_binary<AddOf>, infer_arithmetic<add_dims>);
  add("Sub", {1, 6, 7, 13, 14}, run_binary<SubOf>, infer_arithmetic<subtract_dims>);
  add("Mul", {1, 6, 7, 13, 14}, run_binary<MulOf>, infer_arithmetic<multiply_dims>);
  add("Div", {1, 6, 7, 13, 14}, run_binary<DivOf>, infer_arithmetic<divide_dims>);
  add("Mod", {10, 13, 28}, run_mod, infer_arithmetic<modulo_dims>);
  add("Pow", {1, 7, 12, 13, 15}, run_pow, infer_arithmetic<power_dims>);
  add("BitShift", {11, 28}, run_bit_shift, infer_arithmetic<nullptr>);
  add("BitwiseAnd", {18}, run_integers<AndOf>, infer_arithmetic<nullptr>);
  add("BitwiseOr", {18}, run_integers<OrOf>, infer_arithmetic<nullptr>);
  add("BitwiseXor", {18}, run_integers<XorOf>, infer_arithmetic<nullptr>);
}

}  // namespace lathe
