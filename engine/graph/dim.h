// SPDX-License-Identifier: Apache-2.0
// A dimension or small integer that may be symbolic: an integer polynomial over named symbols.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor/shape.h"

namespace lathe {

/// Immutable. Two Dims compare equal when their canonical forms are the same, so `batch*2` equals
/// `batch+batch`. Symbols are names such as "batch" or "H"; a division that does not come out even becomes a
/// symbol of its own whose name is the expression, e.g. "(H - 1)//2".
class Dim {
 public:
  Dim() : Dim(int64_t{0}) {}
  Dim(int64_t value);  // NOLINT: numbers are dims
  static Dim symbol(const std::string& name);

  bool known() const { return form_ == nullptr; }
  int64_t value() const { return value_; }  ///< only when known()
  bool is(int64_t value) const { return known() && value_ == value; }
  std::string text() const;  ///< "224", "batch", "2*batch + 1"
  /// The symbols it is made of (those inside divisions included).
  std::vector<std::string> symbols() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b);

 private:
  using Monomial = std::vector<std::string>;       // sorted symbols, empty = the constant term
  using Polynomial = std::map<Monomial, int64_t>;  // coefficient by monomial, none zero
  struct Form {
    Polynomial terms;
    std::map<std::string, std::vector<std::string>>
        derived;  // symbol that stands for an expression -> its symbols
  };
  friend Dim dim_floor_div(const Dim& a, const Dim& b);
  friend Dim dim_function(const std::string& name, const std::vector<Dim>& arguments);
  static Dim from_form(Form form);
  Form form() const;

  int64_t value_ = 0;
  std::shared_ptr<const Form> form_;
};

/// Exact where the polynomial divides evenly, else a derived symbol. b known and 0 gives a derived symbol.
Dim dim_floor_div(const Dim& a, const Dim& b);
Dim dim_ceil_div(const Dim& a, const Dim& b);
Dim dim_min(const Dim& a, const Dim& b);
Dim dim_max(const Dim& a, const Dim& b);
/// A derived symbol "name(a, b)" that still remembers the symbols of its arguments.
Dim dim_function(const std::string& name, const std::vector<Dim>& arguments);

using Dims = std::vector<Dim>;

/// All known: the concrete shape.
bool is_static(const Dims& dims);
Shape to_shape(const Dims& dims);
Dims to_dims(std::span<const int64_t> shape);
/// "batchx3x224x224".
std::string to_string(const Dims& dims);

}  // namespace lathe
