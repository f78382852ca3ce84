// SPDX-License-Identifier: Apache-2.0
// Strided copies for reference kernels.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "engine/tensor/shape.h"

namespace lathe {

/// Calls body(linear index over `shape`, offset by `strides`) in row-major order.
template <class Body>
void for_each_strided(std::span<const int64_t> shape, std::span<const int64_t> strides, Body&& body) {
  const int64_t count = element_count(shape);
  std::vector<int64_t> at(shape.size(), 0);
  int64_t offset = 0;
  for (int64_t i = 0; i < count; ++i) {
    body(i, offset);
    for (size_t axis = shape.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++at[axis] < shape[axis]) break;
      offset -= at[axis] * strides[axis];
      at[axis] = 0;
    }
  }
}

template <class T>
std::vector<T> permuted(const std::vector<T>& items, std::span<const int64_t> order) {
  std::vector<T> out;
  for (const int64_t axis : order) out.push_back(items[static_cast<size_t>(axis)]);
  return out;
}

/// Whether `order` names every axis of that rank once.
inline bool is_permutation_of_axes(std::span<const int64_t> order, size_t rank) {
  std::vector<bool> seen(rank, false);
  for (const int64_t axis : order) {
    if (axis < 0 || axis >= static_cast<int64_t>(rank) || seen[static_cast<size_t>(axis)]) return false;
    seen[static_cast<size_t>(axis)] = true;
  }
  return order.size() == rank;
}

/// to = from with its axes reordered; `shape` is that of `from`.
template <class A>
void permute(const A* from, const Shape& shape, std::span<const int64_t> order, A* to) {
  const Shape target = permuted(shape, order);
  const std::vector<int64_t> strides = permuted(row_major_strides(shape), order);
  for_each_strided(target, strides, [&](int64_t i, int64_t offset) { to[i] = from[offset]; });
}

}  // namespace lathe
