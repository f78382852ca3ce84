// SPDX-License-Identifier: Apache-2.0
// TEMPORARY until the elementwise families land.
#include <cmath>
#include <functional>

#include "engine/ops/operator.h"

namespace lathe {
namespace {

Status infer_same(InferContext& c) {
  c.set_tensor(0, c.element(0), c.dims(0) ? std::optional(*c.dims(0)) : std::nullopt);
  return {};
}
Status run_unary(RunContext& c) {
  const std::string& op = c.node().op_type;
  const Tensor& a = c.tensor(0);
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), a.shape()));
  if (op == "Not") {
    for (size_t i = 0; i < static_cast<size_t>(a.count()); ++i)
      out->mutable_data<bool>()[i] = !a.data<bool>()[i];
    return {};
  }
  float lo = -INFINITY, hi = INFINITY;
  if (op == "Clip") {
    lo = c.attributes().get_float("min", lo);
    hi = c.attributes().get_float("max", hi);
    if (c.has_input(1)) lo = static_cast<float>(c.tensor(1).to_double()[0]);
    if (c.has_input(2)) hi = static_cast<float>(c.tensor(2).to_double()[0]);
  }
  const auto each = [&](auto f) {
    return visit_float(a.type(), [&](auto z) {
      using T = decltype(z);
      const auto x = a.data<T>();
      auto y = out->mutable_data<T>();
      for (size_t i = 0; i < x.size(); ++i) y[i] = T(f(float(x[i])));
    });
  };
  if (op == "Relu")
    each([](float x) { return x > 0 ? x : 0.0F; });
  else if (op == "Sigmoid")
    each([](float x) { return 1 / (1 + std::exp(-x)); });
  else if (op == "Tanh")
    each([](float x) { return std::tanh(x); });
  else if (op == "Erf")
    each([](float x) { return std::erf(x); });
  else if (op == "Sqrt")
    each([](float x) { return std::sqrt(x); });
  else if (op == "Sin")
    each([](float x) { return std::sin(x); });
  else if (op == "Cos")
    each([](float x) { return std::cos(x); });
  else if (op == "Exp")
    each([](float x) { return std::exp(x); });
  else if (op == "Log")
    each([](float x) { return std::log(x); });
  else if (op == "Neg")
    each([](float x) { return -x; });
  else if (op == "Clip")
    each([=](float x) { return std::min(std::max(x, lo), hi); });
  return {};
}
Status infer_cast(InferContext& c) {
  c.set_tensor(
      0, element_type_from_onnx(static_cast<int>(c.attributes().get_int("to", 1))).value_or(ElementType::f32),
      c.dims(0) ? std::optional(*c.dims(0)) : std::nullopt);
  if (const auto* k = c.contents(0)) c.set_contents(0, *k);
  return {};
}
Status run_cast(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto to =
      element_type_from_onnx(static_cast<int>(c.attributes().get_int("to", 1))).value_or(ElementType::f32);
  LATHE_ASSIGN(Tensor * out, c.output(0, to, a.shape()));
  const auto from = [&](auto fz) {
    using F = decltype(fz);
    const auto x = a.data<F>();
    const auto into = [&](auto tz) {
      using T = decltype(tz);
      auto y = out->mutable_data<T>();
      for (size_t i = 0; i < x.size(); ++i)
        if constexpr (std::is_same_v<T, bool>)
          y[i] = static_cast<double>(x[i]) != 0;
        else
          y[i] = static_cast<T>(x[i]);
    };
    visit_type<float, double, int64_t, int32_t, F16, bool, uint8_t, int8_t>(to, into);
  };
  visit_type<float, double, int64_t, int32_t, F16, bool, uint8_t, int8_t>(a.type(), from);
  return {};
}
Status infer_q(InferContext& c) {
  ElementType t = c.element(1);
  if (c.node().op_type == "QuantizeLinear") t = c.has_input(2) ? c.element(2) : ElementType::u8;
  c.set_tensor(0, t, c.dims(0) ? std::optional(*c.dims(0)) : std::nullopt);
  return {};
}
Status run_q(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto scale = c.tensor(1).to_double();
  std::vector<int64_t> zero(scale.size(), 0);
  if (c.has_input(2)) zero = c.tensor(2).to_int64();
  int64_t inner = a.count();
  if (scale.size() > 1) {
    const auto axis = static_cast<size_t>(*normalize_axis(c.attributes().get_int("axis", 1), a.rank()));
    inner = 1;
    for (size_t i = axis + 1; i < a.rank(); ++i) inner *= a.dim(i);
  }
  const bool q = c.node().op_type == "QuantizeLinear";
  const ElementType t = q ? (c.has_input(2) ? c.tensor(2).type() : ElementType::u8) : c.tensor(1).type();
  LATHE_ASSIGN(Tensor * out, c.output(0, t, a.shape()));
  const auto v = a.to_double();
  for (size_t i = 0; i < v.size(); ++i) {
    const size_t k = scale.size() == 1 ? 0 : (i / static_cast<size_t>(inner)) % scale.size();
    if (!q) {
      out->mutable_data<float>()[i] = static_cast<float>((v[i] - static_cast<double>(zero[k])) * scale[k]);
      continue;
    }
    const double r = std::nearbyint(static_cast<float>(v[i]) / static_cast<float>(scale[k])) +
                     static_cast<double>(zero[k]);
    if (t == ElementType::u8)
      out->mutable_data<uint8_t>()[i] = static_cast<uint8_t>(std::clamp(r, 0.0, 255.0));
    else
      out->mutable_data<int8_t>()[i] = static_cast<int8_t>(std::clamp(r, -128.0, 127.0));
  }
  return {};
}
Status run_identity(RunContext& c) {
  c.set_output(0, c.value(0));
  return {};
}
Status infer_identity(InferContext& c) {
  c.set_output(0, c.input(0));
  if (const auto* k = c.contents(0)) c.set_contents(0, *k);
  return {};
}

}  // namespace

void register_bootstrap_a(OperatorRegistry& r) {
  for (const char* n : {"Relu", "Sigmoid", "Tanh", "Erf", "Sqrt", "Sin", "Cos", "Exp", "Log", "Neg", "Not"})
    r.add({"", n, {1}, 1, 1, 1, 1, trait_elementwise, infer_same, run_unary});
  r.add({"", "Clip", {1}, 1, 3, 1, 1, trait_elementwise, infer_same, run_unary});
  r.add({"", "Cast", {1}, 1, 1, 1, 1, trait_elementwise, infer_cast, run_cast});
  for (const char* n : {"QuantizeLinear", "DequantizeLinear"})
    r.add({"", n, {10}, 2, 3, 1, 1, trait_none, infer_q, run_q});
  r.add({"", "Identity", {1}, 1, 1, 1, 1, trait_view, infer_identity, run_identity});
}

}  // namespace lathe
