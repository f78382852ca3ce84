// SPDX-License-Identifier: Apache-2.0
// TEMPORARY until the movement families land.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/ops/operator.h"

namespace lathe {
namespace {

size_t norm(int64_t a, size_t r) { return static_cast<size_t>(normalize_axis(a, r).value_or(0)); }
std::optional<Dims> opt_dims(InferContext& c, size_t i) { return c.dims(i) ? std::optional(*c.dims(i)) : std::nullopt; }

Status infer_constant(InferContext& c) {
  if (const Tensor* t = c.attributes().get<Tensor>("value")) c.set_tensor(0, t->type(), to_dims(t->shape()));
  return {};
}
Status run_constant(RunContext& c) { c.set_output(0, RuntimeValue(*c.attributes().get<Tensor>("value"))); return {}; }
Status infer_shape(InferContext& c) {
  if (!c.dims(0)) { c.set_tensor(0, ElementType::i64, Dims{c.unknown_dim()}); return {}; }
  const auto n = static_cast<int64_t>(c.dims(0)->size());
  auto lim = [&](int64_t x) { return std::clamp<int64_t>(x < 0 ? x + n : x, 0, n); };
  const int64_t b = lim(c.attributes().get_int("start", 0)), e = std::max(b, lim(c.attributes().get_int("end", n)));
  c.set_tensor(0, ElementType::i64, Dims{Dim(e - b)});
  c.set_contents(0, {c.dims(0)->begin() + b, c.dims(0)->begin() + e});
  return {};
}
Status run_shape(RunContext& c) {
  const Shape& s = c.tensor(0).shape();
  const auto n = static_cast<int64_t>(s.size());
  auto lim = [&](int64_t x) { return std::clamp<int64_t>(x < 0 ? x + n : x, 0, n); };
  const int64_t b = lim(c.attributes().get_int("start", 0)), e = std::max(b, lim(c.attributes().get_int("end", n)));
  LATHE_ASSIGN(Tensor * out, c.output(0, ElementType::i64, {e - b}));
  std::copy(s.begin() + b, s.begin() + e, out->mutable_data<int64_t>().begin());
  return {};
}
Dim product(const Dims& d, size_t from = 0, size_t to = SIZE_MAX) {
  Dim p(1);
  for (size_t i = from; i < std::min(to, d.size()); ++i) p = p * d[i];
  return p;
}
Status infer_reshape(InferContext& c) {
  const auto* k = c.contents(1);
  if (!k) {
    std::optional<Dims> d;
    if (c.dims(1) && c.dims(1)->size() == 1 && (*c.dims(1))[0].known()) { d.emplace(); for (int64_t i = 0; i < (*c.dims(1))[0].value(); ++i) d->push_back(c.unknown_dim()); }
    c.set_tensor(0, c.element(0), d);
    return {};
  }
  Dims out = *k;
  int minus = -1;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i].is(0) && c.dims(0) && i < c.dims(0)->size()) out[i] = (*c.dims(0))[i];
    if (out[i].is(-1)) minus = static_cast<int>(i);
  }
  if (minus >= 0) {
    Dim rest(1);
    for (size_t i = 0; i < out.size(); ++i) if (static_cast<int>(i) != minus) rest = rest * out[i];
    out[static_cast<size_t>(minus)] = c.dims(0) ? dim_floor_div(product(*c.dims(0)), rest) : c.unknown_dim();
  }
  c.set_tensor(0, c.element(0), out);
  if (c.contents(0) && out.size() <= 1) c.set_contents(0, *c.contents(0));
  return {};
}
Status run_reshape(RunContext& c) {
  const Tensor& a = c.tensor(0);
  Shape s = c.tensor(1).to_int64();
  int64_t rest = 1, minus = -1;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == 0 && i < a.rank()) s[i] = a.dim(i);
    if (s[i] == -1) minus = static_cast<int64_t>(i); else rest *= s[i];
  }
  if (minus >= 0) s[static_cast<size_t>(minus)] = rest == 0 ? 0 : a.count() / rest;
  if (element_count(s) != a.count()) return c.error("cannot reshape " + to_string(a.shape()) + " to " + to_string(s));
  c.set_output(0, RuntimeValue(a.reshaped(s)));
  return {};
}
Status infer_flatten(InferContext& c) {
  if (!c.dims(0)) return {};
  const int64_t a = c.attributes().get_int("axis", 1), n = static_cast<int64_t>(c.dims(0)->size());
  const auto at = static_cast<size_t>(a < 0 ? a + n : a);
  c.set_tensor(0, c.element(0), Dims{product(*c.dims(0), 0, at), product(*c.dims(0), at)});
  return {};
}
Status run_flatten(RunContext& c) {
  const Tensor& t = c.tensor(0);
  const int64_t a = c.attributes().get_int("axis", 1), n = static_cast<int64_t>(t.rank());
  const auto at = static_cast<size_t>(a < 0 ? a + n : a);
  int64_t p = 1;
  for (size_t i = 0; i < at; ++i) p *= t.dim(i);
  c.set_output(0, RuntimeValue(t.reshaped({p, p == 0 ? 0 : t.count() / p})));
  return {};
}
template <class C, class D>
std::vector<D> squeezed(const C& axes, const std::vector<D>& d, bool un) {
  std::vector<D> out;
  if (!un) {
    std::vector<bool> drop(d.size(), false);
    for (const int64_t a : axes) drop[norm(a, d.size())] = true;
    for (size_t i = 0; i < d.size(); ++i) if (!drop[i] && !(axes.empty() && d[i] == D(1))) out.push_back(d[i]);
    return out;
  }
  std::vector<bool> one(d.size() + axes.size(), false);
  for (const int64_t a : axes) one[norm(a, one.size())] = true;
  size_t k = 0;
  for (const bool b : one) out.push_back(b ? D(1) : d[k++]);
  return out;
}
Status infer_squeeze(InferContext& c) {
  const bool un = c.node().op_type == "Unsqueeze";
  std::vector<int64_t> axes = c.attributes().get_ints("axes");
  if (c.has_input(1)) { const auto k = c.known_ints(1); if (!k) { c.set_tensor(0, c.element(0), std::nullopt); return {}; } axes = *k; }
  c.set_tensor(0, c.element(0), c.dims(0) ? std::optional(squeezed(axes, *c.dims(0), un)) : std::nullopt);
  if (c.contents(0)) c.set_contents(0, *c.contents(0));
  return {};
}
Status run_squeeze(RunContext& c) {
  std::vector<int64_t> axes = c.attributes().get_ints("axes");
  if (c.has_input(1)) axes = c.tensor(1).to_int64();
  c.set_output(0, RuntimeValue(c.tensor(0).reshaped(squeezed(axes, c.tensor(0).shape(), c.node().op_type == "Unsqueeze"))));
  return {};
}
Status infer_transpose(InferContext& c) {
  if (!c.dims(0)) { c.set_tensor(0, c.element(0), std::nullopt); return {}; }
  auto perm = c.attributes().get_ints("perm");
  Dims out;
  const size_t n = c.dims(0)->size();
  for (size_t i = 0; i < n; ++i) out.push_back((*c.dims(0))[perm.empty() ? n - 1 - i : static_cast<size_t>(perm[i])]);
  c.set_tensor(0, c.element(0), out);
  return {};
}
Status strided_copy(const Tensor& a, const std::byte* base, const Shape& shape, const std::vector<int64_t>& st, Tensor& out) {
  const size_t size = element_size(a.type());
  std::vector<int64_t> at(shape.size(), 0);
  std::byte* o = out.mutable_raw();
  int64_t off = 0;
  for (int64_t i = 0; i < out.count(); ++i, o += size) {
    std::memcpy(o, base + off * static_cast<int64_t>(size), size);
    for (size_t d = shape.size(); d-- > 0;) {
      off += st[d];
      if (++at[d] < shape[d]) break;
      off -= st[d] * shape[d];
      at[d] = 0;
    }
  }
  return {};
}
Status run_transpose(RunContext& c) {
  const Tensor& a = c.tensor(0);
  auto perm = c.attributes().get_ints("perm");
  const auto st = row_major_strides(a.shape());
  Shape shape;
  std::vector<int64_t> s2;
  for (size_t i = 0; i < a.rank(); ++i) { const size_t p = perm.empty() ? a.rank() - 1 - i : static_cast<size_t>(perm[i]); shape.push_back(a.dim(p)); s2.push_back(st[p]); }
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), shape));
  return strided_copy(a, a.raw(), shape, s2, *out);
}
Status infer_concat(InferContext& c) {
  if (!c.dims(0)) { c.set_tensor(0, c.element(0), std::nullopt); return {}; }
  Dims out = *c.dims(0);
  const size_t ax = norm(c.attributes().get_int("axis", 0), out.size());
  for (size_t i = 1; i < c.input_count(); ++i) out[ax] = c.dims(i) ? out[ax] + (*c.dims(i))[ax] : c.unknown_dim();
  c.set_tensor(0, c.element(0), out);
  std::vector<Dim> k;
  for (size_t i = 0; i < c.input_count(); ++i) { const auto* p = c.contents(i); if (!p || out.size() != 1) return {}; k.insert(k.end(), p->begin(), p->end()); }
  c.set_contents(0, k);
  return {};
}
Status run_concat(RunContext& c) {
  Shape s = c.tensor(0).shape();
  const size_t ax = norm(c.attributes().get_int("axis", 0), s.size());
  s[ax] = 0;
  for (size_t i = 0; i < c.input_count(); ++i) s[ax] += c.tensor(i).dim(ax);
  LATHE_ASSIGN(Tensor * out, c.output(0, c.tensor(0).type(), s));
  int64_t outer = 1;
  for (size_t i = 0; i < ax; ++i) outer *= s[i];
  std::byte* o = out->mutable_raw();
  for (int64_t r = 0; r < outer; ++r)
    for (size_t i = 0; i < c.input_count(); ++i) {
      const size_t block = c.tensor(i).bytes() / static_cast<size_t>(std::max<int64_t>(outer, 1));
      std::memcpy(o, c.tensor(i).raw() + static_cast<size_t>(r) * block, block);
      o += block;
    }
  return {};
}
Status infer_slice(InferContext& c) {
  if (!c.dims(0)) { c.set_tensor(0, c.element(0), std::nullopt); return {}; }
  Dims out = *c.dims(0);
  const auto *b = c.contents(1), *e = c.contents(2);
  std::vector<int64_t> axes, steps;
  if (b && c.has_input(3)) axes = c.known_ints(3).value_or(std::vector<int64_t>{});
  if (c.has_input(4)) steps = c.known_ints(4).value_or(std::vector<int64_t>{});
  if (!b || !e) { const auto ax = c.known_ints(3); for (size_t i = 0; i < out.size(); ++i) if (!ax || std::count(ax->begin(), ax->end(), static_cast<int64_t>(i))) out[i] = c.unknown_dim(); c.set_tensor(0, c.element(0), out); return {}; }
  std::optional<std::vector<Dim>> k;
  for (size_t i = 0; i < b->size(); ++i) {
    const size_t ax = axes.empty() ? i : norm(axes[i], out.size());
    const int64_t st = steps.empty() ? 1 : steps[i];
    const Dim n = out[ax];
    auto fix = [&](Dim x) { return x.known() && x.value() < 0 ? (x.value() < -1000000000 ? Dim(0) : n + x) : x; };
    Dim lo = fix((*b)[i]), hi = fix((*e)[i]);
    if (st > 0) {
      if (hi.known() && hi.value() > 1000000000) hi = n;
      if (n.known() && hi.known()) hi = Dim(std::clamp<int64_t>(hi.value(), 0, n.value()));
      if (n.known() && lo.known()) lo = Dim(std::clamp<int64_t>(lo.value(), 0, n.value()));
      Dim len = dim_ceil_div(hi - lo, Dim(st));
      if (len.known() && len.value() < 0) len = Dim(0);
      if (const auto* in = c.contents(0); in && st == 1 && lo.known() && hi.known()) k = std::vector<Dim>(in->begin() + lo.value(), in->begin() + std::max(lo.value(), hi.value()));
      out[ax] = len;
    } else {
      out[ax] = n;
    }
  }
  c.set_tensor(0, c.element(0), out);
  if (k) c.set_contents(0, *k);
  return {};
}
Status run_slice(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto b = c.tensor(1).to_int64(), e = c.tensor(2).to_int64();
  std::vector<int64_t> axes, steps;
  if (c.has_input(3)) axes = c.tensor(3).to_int64();
  if (c.has_input(4)) steps = c.tensor(4).to_int64();
  Shape s = a.shape();
  auto st = row_major_strides(s);
  const auto base_st = st;
  int64_t off = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const size_t ax = axes.empty() ? i : norm(axes[i], s.size());
    const int64_t k = steps.empty() ? 1 : steps[i], n = a.dim(ax);
    int64_t lo = b[i] < 0 ? b[i] + n : b[i], hi = e[i] < 0 ? (e[i] < -n ? -1 : e[i] + n) : e[i];
    if (k > 0) { lo = std::clamp<int64_t>(lo, 0, n); hi = std::clamp<int64_t>(hi, 0, n); s[ax] = std::max<int64_t>(0, (hi - lo + k - 1) / k); }
    else { lo = std::clamp<int64_t>(lo, 0, n - 1); hi = std::clamp<int64_t>(hi, -1, n - 1); s[ax] = std::max<int64_t>(0, (lo - hi - k - 1) / -k); }
    off += lo * base_st[ax];
    st[ax] = base_st[ax] * k;
  }
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), s));
  return strided_copy(a, a.raw() + off * static_cast<int64_t>(element_size(a.type())), s, st, *out);
}
Status infer_gather(InferContext& c) {
  if (!c.dims(0) || !c.dims(1)) { c.set_tensor(0, c.element(0), std::nullopt); return {}; }
  const size_t ax = norm(c.attributes().get_int("axis", 0), c.dims(0)->size());
  Dims out(c.dims(0)->begin(), c.dims(0)->begin() + static_cast<long>(ax));
  out.insert(out.end(), c.dims(1)->begin(), c.dims(1)->end());
  out.insert(out.end(), c.dims(0)->begin() + static_cast<long>(ax) + 1, c.dims(0)->end());
  c.set_tensor(0, c.element(0), out);
  const auto* k = c.contents(0);
  const auto idx = c.known_ints(1);
  if (!k || !idx || c.dims(0)->size() != 1 || out.size() > 1) return {};
  std::vector<Dim> r;
  for (int64_t i : *idx) { const int64_t n = static_cast<int64_t>(k->size()); if (i < -n || i >= n) return {}; r.push_back((*k)[static_cast<size_t>(i < 0 ? i + n : i)]); }
  c.set_contents(0, r);
  return {};
}
Status run_gather(RunContext& c) {
  const Tensor &a = c.tensor(0), &ix = c.tensor(1);
  const size_t ax = norm(c.attributes().get_int("axis", 0), a.rank());
  Shape s(a.shape().begin(), a.shape().begin() + static_cast<long>(ax));
  s.insert(s.end(), ix.shape().begin(), ix.shape().end());
  s.insert(s.end(), a.shape().begin() + static_cast<long>(ax) + 1, a.shape().end());
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), s));
  size_t inner = element_size(a.type());
  for (size_t i = ax + 1; i < a.rank(); ++i) inner *= static_cast<size_t>(a.dim(i));
  int64_t outer = 1;
  for (size_t i = 0; i < ax; ++i) outer *= a.dim(i);
  std::byte* o = out->mutable_raw();
  const auto idx = ix.to_int64();
  for (int64_t r = 0; r < outer; ++r)
    for (int64_t i : idx) {
      if (i < -a.dim(ax) || i >= a.dim(ax)) return c.error("index out of range");
      std::memcpy(o, a.raw() + static_cast<size_t>(r * a.dim(ax) + (i < 0 ? i + a.dim(ax) : i)) * inner, inner);
      o += inner;
    }
  return {};
}
Status infer_gather_elements(InferContext& c) { c.set_tensor(0, c.element(0), opt_dims(c, 1)); return {}; }
Status run_gather_elements(RunContext& c) {
  const Tensor &a = c.tensor(0), &ix = c.tensor(1);
  const size_t ax = norm(c.attributes().get_int("axis", 0), a.rank()), size = element_size(a.type());
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), ix.shape()));
  const auto st = row_major_strides(a.shape());
  const auto idx = ix.to_int64();
  std::vector<int64_t> at(a.rank(), 0);
  for (size_t i = 0; i < idx.size(); ++i) {
    int64_t o = 0;
    for (size_t d = 0; d < at.size(); ++d) o += st[d] * (d == ax ? (idx[i] < 0 ? idx[i] + a.dim(ax) : idx[i]) : at[d]);
    std::memcpy(out->mutable_raw() + i * size, a.raw() + static_cast<size_t>(o) * size, size);
    for (size_t d = at.size(); d-- > 0;) { if (++at[d] < ix.dim(d)) break; at[d] = 0; }
  }
  return {};
}
Status infer_expand(InferContext& c) {
  const auto* k = c.contents(1);
  if (!k || !c.dims(0)) {
    std::optional<Dims> d;
    c.set_tensor(0, c.element(0), d);
    return {};
  }
  const bool tile = c.node().op_type == "Tile";
  Dims out(std::max(k->size(), c.dims(0)->size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const Dim x = i < c.dims(0)->size() ? (*c.dims(0))[c.dims(0)->size() - 1 - i] : Dim(1), y = i < k->size() ? (*k)[k->size() - 1 - i] : Dim(1);
    out[out.size() - 1 - i] = tile ? x * y : x.is(1) ? y : x;
  }
  c.set_tensor(0, c.element(0), out);
  return {};
}
Status run_expand(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto shape = broadcast(a.shape(), c.tensor(1).to_int64());
  if (!shape) return c.error("shapes do not broadcast");
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), *shape));
  return strided_copy(a, a.raw(), *shape, broadcast_strides(a.shape(), *shape), *out);
}
Status run_tile(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto rep = c.tensor(1).to_int64();
  Shape s;
  for (size_t i = 0; i < a.rank(); ++i) s.push_back(a.dim(i) * rep[i]);
  LATHE_ASSIGN(Tensor * out, c.output(0, a.type(), s));
  const auto st = row_major_strides(a.shape());
  const size_t size = element_size(a.type());
  std::vector<int64_t> at(a.rank(), 0);
  for (int64_t i = 0; i < out->count(); ++i) {
    int64_t o = 0;
    for (size_t d = 0; d < at.size(); ++d) o += st[d] * (at[d] % a.dim(d));
    std::memcpy(out->mutable_raw() + static_cast<size_t>(i) * size, a.raw() + static_cast<size_t>(o) * size, size);
    for (size_t d = at.size(); d-- > 0;) { if (++at[d] < s[d]) break; at[d] = 0; }
  }
  return {};
}
Tensor fill_value(const Attributes& a) { const Tensor* t = a.get<Tensor>("value"); return t ? *t : Tensor::from<float>({1}, {0.0F}); }
Status infer_cos(InferContext& c) {
  const Tensor v = fill_value(c.attributes());
  const auto* k = c.contents(0);
  c.set_tensor(0, v.type(), k ? std::optional(Dims(*k)) : std::nullopt);
  if (k && k->size() <= 1 && is_integer(v.type())) {
    const int64_t n = k->empty() ? 1 : (*k)[0].known() ? (*k)[0].value() : -1;
    if (n >= 0 && n < 64) c.set_contents(0, std::vector<Dim>(static_cast<size_t>(n), Dim(v.to_int64()[0])));
  }
  return {};
}
Status run_cos(RunContext& c) {
  const Tensor v = fill_value(c.attributes());
  LATHE_ASSIGN(Tensor * out, c.output(0, v.type(), c.tensor(0).to_int64()));
  const size_t size = element_size(v.type());
  for (int64_t i = 0; i < out->count(); ++i) std::memcpy(out->mutable_raw() + static_cast<size_t>(i) * size, v.raw(), size);
  return {};
}
Status infer_split(InferContext& c) {
  if (!c.dims(0)) return {};
  Dims d = *c.dims(0);
  const size_t ax = norm(c.attributes().get_int("axis", 0), d.size());
  auto sizes = c.attributes().get_ints("split");
  if (c.has_input(1)) sizes = c.known_ints(1).value_or(std::vector<int64_t>{});
  const Dim total = d[ax], part = dim_ceil_div(total, Dim(static_cast<int64_t>(c.output_count())));
  for (size_t i = 0; i < c.output_count(); ++i) {
    d[ax] = !sizes.empty() ? Dim(sizes[i]) : i + 1 < c.output_count() ? part : total - part * Dim(static_cast<int64_t>(i));
    c.set_tensor(i, c.element(0), d);
  }
  return {};
}
Status run_split(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const size_t ax = norm(c.attributes().get_int("axis", 0), a.rank()), n = c.output_count();
  auto sizes = c.attributes().get_ints("split");
  if (c.has_input(1)) sizes = c.tensor(1).to_int64();
  if (sizes.empty()) { const int64_t p = (a.dim(ax) + static_cast<int64_t>(n) - 1) / static_cast<int64_t>(n); for (size_t i = 0; i < n; ++i) sizes.push_back(std::min(p, a.dim(ax) - p * static_cast<int64_t>(i))); }
  const auto st = row_major_strides(a.shape());
  int64_t off = 0;
  for (size_t i = 0; i < n; ++i) {
    Shape s = a.shape();
    s[ax] = sizes[i];
    LATHE_ASSIGN(Tensor * out, c.output(i, a.type(), s));
    LATHE_TRY(strided_copy(a, a.raw() + off * st[ax] * static_cast<int64_t>(element_size(a.type())), s, st, *out));
    off += sizes[i];
  }
  return {};
}
Status infer_range(InferContext& c) {
  const auto a = c.contents(0), b = c.contents(1), s = c.contents(2);
  Dim n;
  if (a && b && s && a->size() == 1 && b->size() == 1 && s->size() == 1) n = dim_ceil_div((*b)[0] - (*a)[0], (*s)[0]);
  else n = c.unknown_dim();
  c.set_tensor(0, c.element(0), Dims{n});
  if (n.known() && n.value() < 64 && a && (*a)[0].known() && (*s)[0].known()) { std::vector<Dim> k; for (int64_t i = 0; i < n.value(); ++i) k.emplace_back((*a)[0].value() + i * (*s)[0].value()); c.set_contents(0, k); }
  return {};
}
Status run_range(RunContext& c) {
  const double a = c.tensor(0).to_double()[0], b = c.tensor(1).to_double()[0], s = c.tensor(2).to_double()[0];
  const auto n = std::max<int64_t>(0, static_cast<int64_t>(std::ceil((b - a) / s)));
  LATHE_ASSIGN(Tensor * out, c.output(0, c.tensor(0).type(), {n}));
  visit_numeric(out->type(), [&](auto z) { using T = decltype(z); for (int64_t i = 0; i < n; ++i) out->mutable_data<T>()[static_cast<size_t>(i)] = T(a + static_cast<double>(i) * s); });
  return {};
}
Status infer_nonzero(InferContext& c) { c.set_tensor(0, ElementType::i64, Dims{c.dims(0) ? Dim(static_cast<int64_t>(c.dims(0)->size())) : c.unknown_dim(), c.data_dependent_dim("nonzero")}); return {}; }
Status run_nonzero(RunContext& c) {
  const Tensor& a = c.tensor(0);
  const auto v = a.to_double();
  std::vector<int64_t> hit;
  for (size_t i = 0; i < v.size(); ++i) if (v[i] != 0) hit.push_back(static_cast<int64_t>(i));
  LATHE_ASSIGN(Tensor * out, c.output(0, ElementType::i64, {static_cast<int64_t>(a.rank()), static_cast<int64_t>(hit.size())}));
  const auto st = row_major_strides(a.shape());
  for (size_t d = 0; d < a.rank(); ++d)
    for (size_t i = 0; i < hit.size(); ++i) out->mutable_data<int64_t>()[d * hit.size() + i] = hit[i] / st[d] % a.dim(d);
  return {};
}
}  // namespace

void register_bootstrap_b(OperatorRegistry& r) {
  r.add({"", "Constant", {1}, 0, 0, 1, 1, trait_none, infer_constant, run_constant});
  r.add({"", "Shape", {1}, 1, 1, 1, 1, trait_none, infer_shape, run_shape});
  r.add({"", "Reshape", {5}, 2, 2, 1, 1, trait_view, infer_reshape, run_reshape});
  r.add({"", "Flatten", {1}, 1, 1, 1, 1, trait_view, infer_flatten, run_flatten});
  r.add({"", "Squeeze", {1}, 1, 2, 1, 1, trait_view, infer_squeeze, run_squeeze});
  r.add({"", "Unsqueeze", {1}, 1, 2, 1, 1, trait_view, infer_squeeze, run_squeeze});
  r.add({"", "Transpose", {1}, 1, 1, 1, 1, trait_none, infer_transpose, run_transpose});
  r.add({"", "Concat", {4}, 1, -1, 1, 1, trait_none, infer_concat, run_concat});
  r.add({"", "Slice", {10}, 3, 5, 1, 1, trait_none, infer_slice, run_slice});
  r.add({"", "Gather", {1}, 2, 2, 1, 1, trait_none, infer_gather, run_gather});
  r.add({"", "GatherElements", {11}, 2, 2, 1, 1, trait_none, infer_gather_elements, run_gather_elements});
  r.add({"", "Expand", {8}, 2, 2, 1, 1, trait_none, infer_expand, run_expand});
  r.add({"", "Tile", {6}, 2, 2, 1, 1, trait_none, infer_expand, run_tile});
  r.add({"", "ConstantOfShape", {9}, 1, 1, 1, 1, trait_none, infer_cos, run_cos});
  r.add({"", "Split", {2}, 1, 2, 1, -1, trait_none, infer_split, run_split});
  r.add({"", "Range", {11}, 3, 3, 1, 1, trait_none, infer_range, run_range});
  r.add({"", "NonZero", {9}, 1, 1, 1, 1, trait_data_dependent, infer_nonzero, run_nonzero});
}

}  // namespace lathe
