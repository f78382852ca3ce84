// SPDX-License-Identifier: Apache-2.0
// TEMPORARY until the elementwise families land.
#include <cmath>
#include <functional>

#include "engine/ops/operator.h"

namespace lathe {
namespace {

std::optional<Dims> bdims(const Dims* a, const Dims* b) {
  if (!a || !b) return std::nullopt;
  Dims out(std::max(a->size(), b->size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const Dim x = i < a->size() ? (*a)[a->size() - 1 - i] : Dim(1);
    const Dim y = i < b->size() ? (*b)[b->size() - 1 - i] : Dim(1);
    out[out.size() - 1 - i] = x.is(1) ? y : y.is(1) ? x : x == y ? x : x.known() ? x : y.known() ? y : x;
  }
  return out;
}
Status infer_same(InferContext& c) {
  c.set_tensor(0, c.element(0), c.dims(0) ? std::optional(*c.dims(0)) : std::nullopt);
  return {};
}
Status infer_binary(InferContext& c) {
  c.set_tensor(0, c.element(0), bdims(c.dims(0), c.dims(1)));
  const auto *a = c.contents(0), *b = c.contents(1);
  if (!a || !b || a->empty() || b->empty() || (a->size() != b->size() && a->size() != 1 && b->size() != 1))
    return {};
  std::vector<Dim> out;
  const std::string& op = c.node().op_type;
  for (size_t i = 0; i < std::max(a->size(), b->size()); ++i) {
    const Dim x = (*a)[a->size() == 1 ? 0 : i], y = (*b)[b->size() == 1 ? 0 : i];
    if (op == "Add")
      out.push_back(x + y);
    else if (op == "Sub")
      out.push_back(x - y);
    else if (op == "Mul")
      out.push_back(x * y);
    else if (op == "Div")
      out.push_back(dim_floor_div(x, y));
    else
      return {};
  }
  c.set_contents(0, out);
  return {};
}
Status infer_compare(InferContext& c) {
  c.set_tensor(0, ElementType::boolean, bdims(c.dims(0), c.dims(1)));
  const auto *a = c.contents(0), *b = c.contents(1);
  if (c.node().op_type != "Equal" || !a || !b || a->empty() || b->empty() ||
      (a->size() != b->size() && a->size() != 1 && b->size() != 1))
    return {};
  std::vector<Dim> out;
  for (size_t i = 0; i < std::max(a->size(), b->size()); ++i) {
    const Dim x = (*a)[a->size() == 1 ? 0 : i], y = (*b)[b->size() == 1 ? 0 : i];
    if (x == y)
      out.emplace_back(1);
    else if (x.known() && y.known())
      out.emplace_back(0);
    else if ((x.known() && x.value() < 0) || (y.known() && y.value() < 0))
      out.emplace_back(0);
    else
      return {};
  }
  c.set_contents(0, out);
  return {};
}

template <class T, class R, class F>
Status bloop(RunContext& c, F f) {
  const Tensor &a = c.tensor(0), &b = c.tensor(1);
  const auto shape = broadcast(a.shape(), b.shape());
  if (!shape) return c.error("shapes do not broadcast");
  LATHE_ASSIGN(Tensor * out, c.output(0, element_type_of<R>, *shape));
  auto o = out->mutable_data<R>();
  const auto x = a.data<T>();
  const auto y = b.data<T>();
  if (a.shape() == b.shape()) {
    for (size_t i = 0; i < o.size(); ++i) o[i] = static_cast<R>(f(x[i], y[i]));
    return {};
  }
  const auto sa = broadcast_strides(a.shape(), *shape), sb = broadcast_strides(b.shape(), *shape);
  std::vector<int64_t> at(shape->size(), 0);
  int64_t ia = 0, ib = 0;
  for (size_t i = 0; i < o.size(); ++i) {
    o[i] = static_cast<R>(f(x[static_cast<size_t>(ia)], y[static_cast<size_t>(ib)]));
    for (size_t d = shape->size(); d-- > 0;) {
      ia += sa[d];
      ib += sb[d];
      if (++at[d] < (*shape)[d]) break;
      ia -= sa[d] * (*shape)[d];
      ib -= sb[d] * (*shape)[d];
      at[d] = 0;
    }
  }
  return {};
}
Status run_binary(RunContext& c) {
  const std::string& op = c.node().op_type;
  Status s;
  const bool ok = visit_type<float, int64_t, int32_t, double, F16>(c.tensor(0).type(), [&](auto z) {
    using T = decltype(z);
    using W = std::conditional_t<std::is_same_v<T, F16>, float, T>;
    if (op == "Add")
      s = bloop<T, T>(c, [](T a, T b) { return T(W(a) + W(b)); });
    else if (op == "Sub")
      s = bloop<T, T>(c, [](T a, T b) { return T(W(a) - W(b)); });
    else if (op == "Mul")
      s = bloop<T, T>(c, [](T a, T b) { return T(W(a) * W(b)); });
    else if (op == "Div")
      s = bloop<T, T>(c, [](T a, T b) {
        if constexpr (std::is_integral_v<W>)
          return b == 0 ? T(0) : T(a / b);
        else
          return T(W(a) / W(b));
      });
    else if (op == "Pow")
      s = bloop<T, T>(c, [](T a, T b) { return T(std::pow(W(a), W(b))); });
    else if (op == "Max")
      s = bloop<T, T>(c, [](T a, T b) { return T(std::max(W(a), W(b))); });
    else if (op == "Min")
      s = bloop<T, T>(c, [](T a, T b) { return T(std::min(W(a), W(b))); });
  });
  return ok ? s : Status(c.type_error(c.tensor(0).type()));
}
Status run_compare(RunContext& c) {
  const std::string& op = c.node().op_type;
  Status s;
  const bool ok = visit_type<float, int64_t, int32_t, double, bool>(c.tensor(0).type(), [&](auto z) {
    using T = decltype(z);
    if (op == "Equal")
      s = bloop<T, bool>(c, [](T a, T b) { return a == b; });
    else if (op == "Greater")
      s = bloop<T, bool>(c, [](T a, T b) { return a > b; });
    else if (op == "GreaterOrEqual")
      s = bloop<T, bool>(c, [](T a, T b) { return a >= b; });
    else if (op == "Less")
      s = bloop<T, bool>(c, [](T a, T b) { return a < b; });
    else if (op == "And")
      s = bloop<T, bool>(c, [](T a, T b) { return a && b; });
    else if (op == "Or")
      s = bloop<T, bool>(c, [](T a, T b) { return a || b; });
  });
  return ok ? s : Status(c.type_error(c.tensor(0).type()));
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
Status infer_where(InferContext& c) {
  const auto d = bdims(c.dims(1), c.dims(2));
  c.set_tensor(0, c.element(1), d ? bdims(c.dims(0), &*d) : std::nullopt);
  const auto *k = c.contents(0), *a = c.contents(1), *b = c.contents(2);
  if (!k || !a || !b || a->empty() || b->empty() || k->empty()) return {};
  std::vector<Dim> out;
  const size_t n = std::max({k->size(), a->size(), b->size()});
  for (const auto* each : {k, a, b})
    if (each->size() != n && each->size() != 1) return {};
  for (size_t i = 0; i < n; ++i) {
    const Dim s = (*k)[k->size() == 1 ? 0 : i];
    if (!s.known()) return {};
    out.push_back(s.value() ? (*a)[a->size() == 1 ? 0 : i] : (*b)[b->size() == 1 ? 0 : i]);
  }
  c.set_contents(0, out);
  return {};
}
Status run_where(RunContext& c) {
  const Tensor &k = c.tensor(0), &a = c.tensor(1), &b = c.tensor(2);
  const auto s1 = broadcast(a.shape(), b.shape());
  const auto shape = s1 ? broadcast(*s1, k.shape()) : s1;
  if (!shape) return c.error("shapes do not broadcast");
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), *shape));
  const size_t size = element_size(a.type());
  const auto sk = broadcast_strides(k.shape(), *shape), sa = broadcast_strides(a.shape(), *shape),
             sb = broadcast_strides(b.shape(), *shape);
  std::vector<int64_t> at(shape->size(), 0);
  for (size_t i = 0; i < static_cast<size_t>(out->count()); ++i) {
    int64_t ik = 0, ia = 0, ib = 0;
    for (size_t d = 0; d < at.size(); ++d) {
      ik += at[d] * sk[d];
      ia += at[d] * sa[d];
      ib += at[d] * sb[d];
    }
    const std::byte* from = k.data<bool>()[static_cast<size_t>(ik)]
                                ? a.raw() + static_cast<size_t>(ia) * size
                                : b.raw() + static_cast<size_t>(ib) * size;
    std::copy(from, from + size, out->mutable_raw() + i * size);
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < (*shape)[d]) break;
      at[d] = 0;
    }
  }
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
Status run_softmax(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto axis = static_cast<size_t>(*normalize_axis(c.attributes().get_int("axis", -1), a.rank()));
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), a.shape()));
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < a.rank(); ++i)
    (i < axis ? outer : i > axis ? inner : outer) *= i == axis ? 1 : a.dim(i);
  const int64_t n = a.dim(axis);
  const float* x = a.data<float>().data();
  float* y = out->mutable_data<float>().data();
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t in = 0; in < inner; ++in) {
      const int64_t base = o * n * inner + in;
      float m = -INFINITY, s = 0;
      for (int64_t i = 0; i < n; ++i) m = std::max(m, x[base + i * inner]);
      for (int64_t i = 0; i < n; ++i) s += y[base + i * inner] = std::exp(x[base + i * inner] - m);
      for (int64_t i = 0; i < n; ++i) y[base + i * inner] /= s;
    }
  return {};
}
std::vector<int64_t> axes_of(RunContext& c) {
  std::vector<int64_t> axes = c.attributes().get_ints("axes");
  if (c.has_input(1)) axes = c.tensor(1).to_int64();
  return axes;
}
Status infer_reduce(InferContext& c) {
  std::vector<int64_t> axes = c.attributes().get_ints("axes");
  if (c.has_input(1)) {
    const auto k = c.known_ints(1);
    if (k) axes = *k;
  }
  if (c.attributes().has("axis")) axes = {c.attributes().get_int("axis", 0)};
  const bool keep = c.attributes().get_int("keepdims", 1) != 0;
  const bool arg = c.node().op_type == "ArgMax";
  if (!c.dims(0)) {
    c.set_tensor(0, arg ? ElementType::i64 : c.element(0), std::nullopt);
    return {};
  }
  Dims out;
  for (size_t i = 0; i < c.dims(0)->size(); ++i) {
    bool r = axes.empty();
    for (const int64_t a : axes) r = r || *normalize_axis(a, c.dims(0)->size()) == static_cast<int64_t>(i);
    if (!r)
      out.push_back((*c.dims(0))[i]);
    else if (keep)
      out.emplace_back(1);
  }
  c.set_tensor(0, arg ? ElementType::i64 : c.element(0), out);
  return {};
}
Status run_reduce(RunContext& c) {
  const Tensor& a = c.tensor(0);
  std::vector<int64_t> axes = axes_of(c);
  const bool arg = c.node().op_type == "ArgMax", mean = c.node().op_type == "ReduceMean",
             keep = c.attributes().get_int("keepdims", 1) != 0;
  if (arg) axes = {c.attributes().get_int("axis", 0)};
  std::vector<bool> red(a.rank(), axes.empty());
  for (const int64_t x : axes) red[static_cast<size_t>(*normalize_axis(x, a.rank()))] = true;
  Shape kept, out_shape;
  for (size_t i = 0; i < a.rank(); ++i) {
    kept.push_back(red[i] ? 1 : a.dim(i));
    if (!red[i] || keep) out_shape.push_back(kept.back());
  }
  LATHE_ASSIGN(Tensor * out, c.output(0, arg ? ElementType::i64 : a.type(), out_shape));
  const auto st = broadcast_strides(kept, a.shape());
  std::vector<double> acc(static_cast<size_t>(out->count()), mean ? 0.0 : -INFINITY);
  std::vector<int64_t> idx(acc.size(), 0), at(a.rank(), 0);
  const auto v = a.to_double();
  const double n = acc.empty() ? 1 : static_cast<double>(v.size()) / static_cast<double>(acc.size());
  for (const double x : v) {
    int64_t o = 0, pos = 0;
    for (size_t d = 0; d < at.size(); ++d) {
      o += at[d] * st[d];
      if (red[d]) pos = at[d];
    }
    double& t = acc[static_cast<size_t>(o)];
    if (mean)
      t += x;
    else if (x > t) {
      t = x;
      idx[static_cast<size_t>(o)] = pos;
    }
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < a.dim(d)) break;
      at[d] = 0;
    }
  }
  if (arg)
    std::copy(idx.begin(), idx.end(), out->mutable_data<int64_t>().begin());
  else
    visit_numeric(a.type(), [&](auto z) {
      using T = decltype(z);
      for (size_t i = 0; i < acc.size(); ++i) out->mutable_data<T>()[i] = T(mean ? acc[i] / n : acc[i]);
    });
  return {};
}
Status run_layer_norm(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto axis = static_cast<size_t>(*normalize_axis(c.attributes().get_int("axis", -1), a.rank()));
  int64_t n = 1;
  for (size_t i = axis; i < a.rank(); ++i) n *= a.dim(i);
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), a.shape()));
  const float eps = c.attributes().get_float("epsilon", 1e-5F);
  const float *x = a.data<float>().data(), *g = c.tensor(1).data<float>().data(),
              *b = c.has_input(2) ? c.tensor(2).data<float>().data() : nullptr;
  float* y = out->mutable_data<float>().data();
  for (int64_t r = 0; r < a.count() / n; ++r, x += n, y += n) {
    double m = 0, v = 0;
    for (int64_t i = 0; i < n; ++i) m += x[i];
    m /= static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) v += (x[i] - m) * (x[i] - m);
    const double s = 1 / std::sqrt(v / static_cast<double>(n) + eps);
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>((x[i] - m) * s) * g[i] + (b ? b[i] : 0);
  }
  return {};
}
Status run_cumsum(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto axis = static_cast<size_t>(*normalize_axis(c.tensor(1).to_int64()[0], a.rank()));
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), a.shape()));
  int64_t inner = 1;
  for (size_t i = axis + 1; i < a.rank(); ++i) inner *= a.dim(i);
  const int64_t n = a.dim(axis);
  visit_numeric(a.type(), [&](auto z) {
    using T = decltype(z);
    const auto x = a.data<T>();
    auto y = out->mutable_data<T>();
    for (int64_t i = 0; i < a.count(); ++i) {
      const auto u = static_cast<size_t>(i);
      y[u] = (i / inner) % n == 0 ? x[u] : T(y[u - static_cast<size_t>(inner)] + x[u]);
    }
  });
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
  for (const char* n : {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"})
    r.add({"", n, {1}, 2, 2, 1, 1, trait_elementwise, infer_binary, run_binary});
  for (const char* n : {"Equal", "Greater", "GreaterOrEqual", "Less", "And", "Or"})
    r.add({"", n, {1}, 2, 2, 1, 1, trait_elementwise, infer_compare, run_compare});
  for (const char* n : {"Relu", "Sigmoid", "Tanh", "Erf", "Sqrt", "Sin", "Cos", "Exp", "Log", "Neg", "Not"})
    r.add({"", n, {1}, 1, 1, 1, 1, trait_elementwise, infer_same, run_unary});
  r.add({"", "Clip", {1}, 1, 3, 1, 1, trait_elementwise, infer_same, run_unary});
  r.add({"", "Where", {9}, 3, 3, 1, 1, trait_elementwise, infer_where, run_where});
  r.add({"", "Cast", {1}, 1, 1, 1, 1, trait_elementwise, infer_cast, run_cast});
  r.add({"", "Softmax", {13}, 1, 1, 1, 1, trait_none, infer_same, run_softmax});
  for (const char* n : {"ReduceMean", "ReduceMax"})
    r.add({"", n, {1}, 1, 2, 1, 1, trait_none, infer_reduce, run_reduce});
  r.add({"", "ArgMax", {1}, 1, 1, 1, 1, trait_none, infer_reduce, run_reduce});
  r.add({"", "LayerNormalization", {17}, 2, 3, 1, 3, trait_none, infer_same, run_layer_norm});
  r.add({"", "CumSum", {11}, 2, 2, 1, 1, trait_none, infer_same, run_cumsum});
  for (const char* n : {"QuantizeLinear", "DequantizeLinear"})
    r.add({"", n, {10}, 2, 3, 1, 1, trait_none, infer_q, run_q});
  r.add({"", "Identity", {1}, 1, 1, 1, 1, trait_view, infer_identity, run_identity});
}

}  // namespace lathe
