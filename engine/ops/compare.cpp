// SPDX-License-Identifier: Apache-2.0
// Comparisons, logic of two inputs, and Where.
#include <string>

#include "engine/ops/binary.h"

namespace lathe {
namespace {

// Each operator: `of` two elements, and what is known of two Dims, at least one of them not a number.
struct EqualOf {
  static constexpr auto of = [](const auto& a, const auto& b) { return a == b; };
  static std::optional<bool> of_dims(const Dim& a, const Dim& b) {
    if (a == b) return true;
    // A size is never negative; what "-H" stands for may be.
    const auto apart = [](const Dim& x, const Dim& y) {
      return x.known() && x.value() < 0 && !y.text().starts_with('-');
    };
    return apart(a, b) || apart(b, a) ? std::optional(false) : std::nullopt;
  }
};
template <bool when_same>
struct OrderOf {
  static std::optional<bool> of_dims(const Dim& a, const Dim& b) {
    return a == b ? std::optional(when_same) : std::nullopt;
  }
};
struct GreaterOf : OrderOf<false> {
  static constexpr auto of = [](const auto& a, const auto& b) { return a > b; };
};
struct GreaterOrEqualOf : OrderOf<true> {
  static constexpr auto of = [](const auto& a, const auto& b) { return a >= b; };
};
struct LessOf : OrderOf<false> {
  static constexpr auto of = [](const auto& a, const auto& b) { return a < b; };
};
struct LessOrEqualOf : OrderOf<true> {
  static constexpr auto of = [](const auto& a, const auto& b) { return a <= b; };
};
/// A known element decides alone when it is `decisive`.
template <bool decisive>
struct LogicOf {
  static std::optional<bool> of_dims(const Dim& a, const Dim& b) {
    const bool decides =
        (a.known() && (a.value() != 0) == decisive) || (b.known() && (b.value() != 0) == decisive);
    return decides ? std::optional(decisive) : std::nullopt;
  }
};
struct AndOf : LogicOf<false> {
  static constexpr auto of = [](auto a, auto b) { return a && b; };
};
struct OrOf : LogicOf<true> {
  static constexpr auto of = [](auto a, auto b) { return a || b; };
};
struct XorOf {
  static constexpr auto of = [](auto a, auto b) { return (a != 0) != (b != 0); };
  static std::optional<bool> of_dims(const Dim&, const Dim&) { return std::nullopt; }
};

template <class Op>
Status infer_compare(InferContext& context) {
  LATHE_TRY(check_same_elements(context));
  LATHE_ASSIGN(const std::optional<Dims> dims, broadcast_inputs(context));
  context.set_tensor(0, ElementType::boolean, dims);
  propagate_binary(context, dims, [](const Dim& a, const Dim& b) -> std::optional<Dim> {
    if (a.known() && b.known()) return Dim(Op::of(a.value(), b.value()) ? 1 : 0);
    const std::optional<bool> known = Op::of_dims(a, b);
    return known ? std::optional(Dim(*known ? 1 : 0)) : std::nullopt;
  });
  return {};
}

/// Elements of the types Ts.
template <class Op, class... Ts>
Status run_compare(RunContext& context) {
  LATHE_ASSIGN(const BinaryOperands in, binary_operands(context));
  if (!visit_type<Ts...>(in.a->type(), [](const auto&) {})) return context.type_error(in.a->type());
  LATHE_ASSIGN(Tensor * out, context.output(0, ElementType::boolean, in.output));
  visit_type<Ts...>(in.a->type(), [&](const auto& tag) {
    using T = std::decay_t<decltype(tag)>;
    binary_loop(in.loop, stored<T>(*in.a), stored<T>(*in.b), out->mutable_data<bool>().data(),
                [](const T& a, const T& b) {
                  if constexpr (std::is_same_v<T, std::string>)
                    return Op::of(a, b);
                  else
                    return Op::of(static_cast<Wide<T>>(a), static_cast<Wide<T>>(b));
                });
  });
  return {};
}

template <class Op>
Status run_logic(RunContext& context) {
  return run_compare<Op, bool>(context);
}
template <class Op>
Status run_order(RunContext& context) {
  return run_compare<Op, float, int64_t, int32_t, double, F16, BF16, uint8_t, int8_t, uint16_t, int16_t,
                     uint32_t, uint64_t>(context);
}
Status run_equal(RunContext& context) {
  return run_compare<EqualOf, float, int64_t, int32_t, double, F16, BF16, uint8_t, int8_t, uint16_t, int16_t,
                     uint32_t, uint64_t, bool, std::string, std::complex<float>, std::complex<double>>(
      context);
}

Status infer_where(InferContext& context) {
  LATHE_TRY(check_same_elements(context, 1));
  LATHE_ASSIGN(const std::optional<Dims> dims, broadcast_inputs(context));
  context.set_tensor(0, context.element(1), dims);
  if (!dims || dims->size() > 1) return {};
  const auto x = whole_contents(context, 1);
  const auto y = x ? whole_contents(context, 2) : std::nullopt;
  const std::vector<Dim>* condition = y ? context.contents(0) : nullptr;
  if (condition == nullptr) return {};
  size_t count = 1;
  for (const std::vector<Dim>* each : {condition, &*x, &*y})
    if (each->size() != 1) count = each->size();
  for (const std::vector<Dim>* each : {condition, &*x, &*y})
    if (each->size() != count && each->size() != 1) return {};
  std::vector<Dim> elements;
  for (size_t i = 0; i < count; ++i) {
    const auto at = [&](const std::vector<Dim>& from) -> const Dim& {
      return from[from.size() == 1 ? 0 : i];
    };
    const Dim& choice = at(*condition);
    if (!choice.known() && !(at(*x) == at(*y))) return {};
    elements.push_back(choice.known() && choice.value() == 0 ? at(*y) : at(*x));
  }
  context.set_contents(0, std::move(elements));
  return {};
}

template <class T>
void select(const BroadcastLoop& loop, const bool* condition, const T* x, const T* y, T* out) {
  loop.for_each_run([&](int64_t o, const BroadcastLoop::Offsets& at, int64_t n) {
    const bool* choice = condition + at[0];
    const T* from_x = x + at[1];
    const T* from_y = y + at[2];
    T* to = out + o;
    const int64_t step_x = loop.steps(1), step_y = loop.steps(2);
    if (!loop.steps(0)) {
      const T* from = *choice ? from_x : from_y;
      if ((*choice ? step_x : step_y) != 0)
        copy_run(from, to, n);
      else
        std::fill_n(to, n, *from);
    } else if (step_x != 0 && step_y != 0) {
      for (int64_t i = 0; i < n; ++i) to[i] = choice[i] ? from_x[i] : from_y[i];
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = choice[i] ? from_x[i * step_x] : from_y[i * step_y];
    }
  });
}

Status run_where(RunContext& context) {
  LATHE_ASSIGN(const Tensor* condition, tensor_input(context, 0, "condition"));
  LATHE_ASSIGN(const Tensor* x, tensor_input(context, 1, "X"));
  LATHE_ASSIGN(const Tensor* y, tensor_input(context, 2, "Y"));
  if (condition->type() != ElementType::boolean)
    return context.error(std::string("needs a boolean condition, not ") + to_string(condition->type()));
  if (x->type() != y->type())
    return context.error(std::string("has inputs of types ") + to_string(x->type()) + " and " +
                         to_string(y->type()));
  auto shape = broadcast(x->shape(), y->shape());
  if (shape) shape = broadcast(*shape, condition->shape());
  if (!shape)
    return context.error("has shapes " + to_string(condition->shape()) + ", " + to_string(x->shape()) +
                         " and " + to_string(y->shape()) + ", which do not broadcast");
  LATHE_ASSIGN(Tensor * out, context.output(0, x->type(), *shape));
  const BroadcastLoop loop(*shape, std::array{condition->shape(), x->shape(), y->shape()});
  visit_storage(x->type(), [&](const auto& tag) {
    using T = std::decay_t<decltype(tag)>;
    select(loop, condition->data<bool>().data(), stored<T>(*x), stored<T>(*y), mutable_stored<T>(*out));
  });
  return {};
}

}  // namespace

void register_compare(OperatorRegistry& registry) {
  const auto add = [&](std::string_view name, std::vector<int> versions, Status (*run)(RunContext&),
                       Status (*infer)(InferContext&)) {
    registry.add({"", name, std::move(versions), 2, 2, 1, 1, trait_elementwise, infer, run});
  };
  add("Equal", {1, 7, 11, 13, 19}, run_equal, infer_compare<EqualOf>);
  add("Greater", {1, 7, 9, 13}, run_order<GreaterOf>, infer_compare<GreaterOf>);
  add("GreaterOrEqual", {12, 16}, run_order<GreaterOrEqualOf>, infer_compare<GreaterOrEqualOf>);
  add("Less", {1, 7, 9, 13}, run_order<LessOf>, infer_compare<LessOf>);
  add("LessOrEqual", {12, 16}, run_order<LessOrEqualOf>, infer_compare<LessOrEqualOf>);
  add("And", {1, 7}, run_logic<AndOf>, infer_compare<AndOf>);
  add("Or", {1, 7}, run_logic<OrOf>, infer_compare<OrOf>);
  add("Xor", {1, 7}, run_logic<XorOf>, infer_compare<XorOf>);
  registry.add({"", "Where", {9, 16}, 3, 3, 1, 1, trait_elementwise, infer_where, run_where});
}

}  // namespace lathe
