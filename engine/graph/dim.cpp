// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/dim.h"

#include <algorithm>
#include <set>

#include "engine/base/checked.h"

namespace lathe {
namespace {

std::string join_arguments(const std::string& name, const std::vector<Dim>& arguments) {
  std::string text = name + "(";
  for (size_t i = 0; i < arguments.size(); ++i) text += (i > 0 ? ", " : "") + arguments[i].text();
  return text + ")";
}

}  // namespace

Dim::Dim(int64_t value) : value_(value) {}

Dim Dim::symbol(const std::string& name) {
  Form form;
  form.terms[{name}] = 1;
  return from_form(std::move(form));
}

Dim Dim::from_form(Form form) {
  std::erase_if(form.terms, [](const auto& term) { return term.second == 0; });
  if (form.terms.empty()) return Dim(int64_t{0});
  if (form.terms.size() == 1 && form.terms.begin()->first.empty()) return Dim(form.terms.begin()->second);
  Dim dim;
  dim.form_ = std::make_shared<const Form>(std::move(form));
  return dim;
}

Dim::Form Dim::form() const {
  if (form_) return *form_;
  Form form;
  if (value_ != 0) form.terms[{}] = value_;
  return form;
}

std::string Dim::text() const {
  if (known()) return std::to_string(value_);
  std::string out;
  // Symbolic terms first, the constant last: the empty monomial sorts first, so walk backwards.
  for (auto term = form_->terms.rbegin(); term != form_->terms.rend(); ++term) {
    const int64_t coefficient = term->second;
    if (!out.empty())
      out += coefficient < 0 ? " - " : " + ";
    else if (coefficient < 0)
      out += "-";
    const int64_t magnitude = coefficient < 0 ? -coefficient : coefficient;
    std::string factors;
    for (const std::string& symbol : term->first) factors += (factors.empty() ? "" : "*") + symbol;
    if (factors.empty())
      out += std::to_string(magnitude);
    else
      out += (magnitude == 1 ? "" : std::to_string(magnitude) + "*") + factors;
  }
  return out;
}

std::vector<std::string> Dim::symbols() const {
  if (known()) return {};
  std::set<std::string> found;
  for (const auto& [monomial, coefficient] : form_->terms)
    for (const std::string& symbol : monomial) {
      const auto derived = form_->derived.find(symbol);
      if (derived == form_->derived.end())
        found.insert(symbol);
      else
        found.insert(derived->second.begin(), derived->second.end());
    }
  return {found.begin(), found.end()};
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return Dim(checked_add(a.value_, b.value_).value_or(0));
  Dim::Form sum = a.form();
  const Dim::Form other = b.form();
  for (const auto& [monomial, coefficient] : other.terms) sum.terms[monomial] += coefficient;
  sum.derived.insert(other.derived.begin(), other.derived.end());
  return Dim::from_form(std::move(sum));
}

Dim operator-(const Dim& a, const Dim& b) {
  return a + b * Dim(int64_t{-1});
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.known() && b.known()) return Dim(checked_mul(a.value_, b.value_).value_or(0));
  const Dim::Form left = a.form();
  const Dim::Form right = b.form();
  if (left.terms.size() * right.terms.size() > 64)
    return dim_function("product", {a, b});  // keep expressions small
  Dim::Form product;
  product.derived = left.derived;
  product.derived.insert(right.derived.begin(), right.derived.end());
  for (const auto& [m1, c1] : left.terms)
    for (const auto& [m2, c2] : right.terms) {
      Dim::Monomial monomial = m1;
      monomial.insert(monomial.end(), m2.begin(), m2.end());
      std::sort(monomial.begin(), monomial.end());
      product.terms[monomial] += c1 * c2;
    }
  return Dim::from_form(std::move(product));
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.known() != b.known()) return false;
  return a.known() ? a.value_ == b.value_ : a.form_ == b.form_ || a.form_->terms == b.form_->terms;
}

Dim dim_function(const std::string& name, const std::vector<Dim>& arguments) {
  std::set<std::string> origins;
  for (const Dim& argument : arguments)
    for (std::string& symbol : argument.symbols()) origins.insert(std::move(symbol));
  const std::string text = join_arguments(name, arguments);
  Dim::Form form;
  form.terms[{text}] = 1;
  form.derived[text] = {origins.begin(), origins.end()};
  return Dim::from_form(std::move(form));
}

Dim dim_floor_div(const Dim& a, const Dim& b) {
  if (b.is(1)) return a;
  if (a.known() && b.known() && b.value_ != 0) return Dim(floor_div(a.value_, b.value_));
  if (a == b) return Dim(int64_t{1});
  if (!b.is(0)) {
    // Divide term by term by a single monomial with a coefficient; exact only when every term divides.
    const Dim::Form divisor = b.form();
    if (divisor.terms.size() == 1) {
      const auto& [by_symbols, by] = *divisor.terms.begin();
      Dim::Form quotient = a.form();
      Dim::Polynomial terms;
      bool exact = true;
      for (const auto& [monomial, coefficient] : quotient.terms) {
        Dim::Monomial rest;
        std::set_difference(monomial.begin(), monomial.end(), by_symbols.begin(), by_symbols.end(),
                            std::back_inserter(rest));
        exact = exact && coefficient % by == 0 && rest.size() + by_symbols.size() == monomial.size();
        if (exact) terms[rest] = coefficient / by;
      }
      if (exact) {
        quotient.terms = std::move(terms);
        return Dim::from_form(std::move(quotient));
      }
    }
  }
  return dim_function("floordiv", {a, b});
}

Dim dim_ceil_div(const Dim& a, const Dim& b) {
  return Dim(int64_t{0}) - dim_floor_div(Dim(int64_t{0}) - a, b);
}

Dim dim_min(const Dim& a, const Dim& b) {
  if (a == b) return a;
  if (a.known() && b.known()) return Dim(std::min(a.value(), b.value()));
  return dim_function("min", {a, b});
}

Dim dim_max(const Dim& a, const Dim& b) {
  if (a == b) return a;
  if (a.known() && b.known()) return Dim(std::max(a.value(), b.value()));
  return dim_function("max", {a, b});
}

bool is_static(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& d) { return d.known(); });
}

Shape to_shape(const Dims& dims) {
  Shape shape;
  for (const Dim& dim : dims) shape.push_back(dim.value());
  return shape;
}

Dims to_dims(std::span<const int64_t> shape) {
  return {shape.begin(), shape.end()};
}

std::string to_string(const Dims& dims) {
  if (dims.empty()) return "scalar";
  std::string out;
  for (size_t i = 0; i < dims.size(); ++i) out += (i > 0 ? "x" : "") + dims[i].text();
  return out;
}

}  // namespace lathe
