// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/operand.h"

#include <cmath>
#include <limits>
#include <type_traits>

namespace lathe {
namespace {

template <class A>
void load(const Tensor& from, A* to) {
  visit_numeric(from.type(), [&](auto tag) {
    using T = decltype(tag);
    for (const T element : from.data<T>()) *to++ = static_cast<A>(element);
  });
}

/// Nearest representable integer, NaN as 0: a plain cast would be undefined out of range.
template <class T, class A>
T to_integer(A value) {
  if (std::isnan(value)) return 0;
  const A rounded = std::nearbyint(value);
  if (rounded <= static_cast<A>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (rounded >= static_cast<A>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(rounded);
}

template <class A>
void store(const A* from, Tensor& to) {
  visit_numeric(to.type(), [&](auto tag) {
    using T = decltype(tag);
    for (T& element : to.mutable_data<T>()) {
      if constexpr (std::is_integral_v<T>)
        element = to_integer<T>(*from++);
      else
        element = static_cast<T>(*from++);
    }
  });
}

}  // namespace

void load_elements(const Tensor& from, float* to) {
  load(from, to);
}
void load_elements(const Tensor& from, double* to) {
  load(from, to);
}
void load_elements(const Tensor& from, uint64_t* to) {
  visit_numeric(from.type(), [&](auto tag) {
    using T = decltype(tag);
    for (const T element : from.data<T>()) {
      if constexpr (std::is_integral_v<T>)
        *to++ = static_cast<uint64_t>(static_cast<int64_t>(element));
      else
        *to++ = 0;
    }
  });
}
void store_elements(const uint64_t* from, Tensor& to) {
  visit_numeric(to.type(), [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>)
      for (T& element : to.mutable_data<T>()) element = static_cast<T>(*from++);
  });
}
void store_elements(const float* from, Tensor& to) {
  store(from, to);
}
void store_elements(const double* from, Tensor& to) {
  store(from, to);
}

Error node_error(const Node& node, std::string what) {
  return bad_input("node '" + node.name + "' (" + node.qualified_type() + ")", std::move(what));
}

Status check_rank(const RunContext& context, size_t i, int rank, const char* name) {
  if (!context.has_input(i) || !context.value(i).is_tensor())
    return context.error(std::string("needs input ") + name);
  const Shape& shape = context.tensor(i).shape();
  if (rank >= 0 && static_cast<int>(shape.size()) != rank)
    return context.error(std::string(name) + " has shape " + to_string(shape) + ", but needs rank " +
                         std::to_string(rank));
  return {};
}

}  // namespace lathe
