// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/movement_util.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe {
namespace {

/// One axis of a copy.
struct Axis {
  int64_t size, from, to;
};

/// Axes of size 1 dropped, neighbours that continue each other joined.
std::vector<Axis> coalesced(const Shape& shape, const StridedView& from, const StridedView& to) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    const Axis axis{shape[i], from.strides[i], to.strides[i]};
    if (!axes.empty() && axes.back().from == axis.from * axis.size && axes.back().to == axis.to * axis.size) {
      axes.back() = {axes.back().size * axis.size, axis.from, axis.to};
    } else {
      axes.push_back(axis);
    }
  }
  return axes;
}

/// Calls body(from offset, to offset) for each position of the axes.
template <class Body>
void for_each(std::span<const Axis> axes, Body&& body) {
  std::vector<int64_t> at(axes.size(), 0);
  int64_t from = 0, to = 0;
  while (true) {
    body(from, to);
    size_t axis = axes.size();
    while (axis > 0) {
      const Axis& a = axes[--axis];
      from += a.from;
      to += a.to;
      if (++at[axis] < a.size) break;
      from -= a.from * a.size;
      to -= a.to * a.size;
      at[axis] = 0;
      if (axis == 0) return;
    }
    if (axes.empty()) return;
  }
}

/// to[r][c] = from[c][r], in tiles whose lines of both sides stay in the cache.
template <class T>
void transpose_plane(const T* from, T* to, const Axis& rows, const Axis& columns) {
  constexpr int64_t tile = 16;
  for (int64_t r0 = 0; r0 < rows.size; r0 += tile) {
    const int64_t r1 = std::min(rows.size, r0 + tile);
    for (int64_t c0 = 0; c0 < columns.size; c0 += tile) {
      const int64_t c1 = std::min(columns.size, c0 + tile);
      for (int64_t r = r0; r < r1; ++r) {
        const T* source = from + r * rows.from;
        T* target = to + r * rows.to;
        for (int64_t c = c0; c < c1; ++c) target[c] = source[c * columns.from];
      }
    }
  }
}

template <class T>
void copy_axes(std::vector<Axis> axes, const T* from, T* to) {
  if (axes.empty()) {
    *to = *from;
    return;
  }
  const Axis inner = axes.back();
  axes.pop_back();
  if (inner.from == 1 && inner.to == 1)
    return for_each(axes, [&](int64_t f, int64_t t) { copy_run(from + f, to + t, inner.size); });
  const auto rows = std::find_if(axes.begin(), axes.end(), [](const Axis& axis) { return axis.from == 1; });
  if (inner.to == 1 && rows != axes.end()) {
    const Axis row_axis = *rows;
    axes.erase(rows);
    return for_each(axes, [&](int64_t f, int64_t t) { transpose_plane(from + f, to + t, row_axis, inner); });
  }
  for_each(axes, [&](int64_t f, int64_t t) {
    if (inner.from == 0 && inner.to == 1) {
      std::fill_n(to + t, inner.size, from[f]);
      return;
    }
    for (int64_t i = 0; i < inner.size; ++i) to[t + i * inner.to] = from[f + i * inner.from];
  });
}

/// Flips the bits of a float's pattern so that unsigned comparison orders it.
template <class Bits>
uint64_t float_key(Bits bits, Bits exponent_mask) {
  constexpr Bits sign = static_cast<Bits>(Bits{1} << (sizeof(Bits) * 8 - 1));
  const Bits magnitude = static_cast<Bits>(bits & static_cast<Bits>(~sign));
  if (magnitude > exponent_mask) return std::numeric_limits<uint64_t>::max();
  if (magnitude == 0) return sign;
  return (bits & sign) != 0 ? static_cast<Bits>(~bits) : static_cast<Bits>(bits | sign);
}

std::vector<uint64_t> string_ranks(const std::vector<std::string>& strings) {
  std::vector<size_t> order(strings.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return strings[a] < strings[b]; });
  std::vector<uint64_t> ranks(strings.size(), 0);
  for (size_t i = 1; i < order.size(); ++i)
    ranks[order[i]] = ranks[order[i - 1]] + (strings[order[i]] != strings[order[i - 1]] ? 1 : 0);
  return ranks;
}

}  // namespace

StridedView whole(std::span<const int64_t> shape) {
  return {0, row_major_strides(shape)};
}

void copy_strided(const Shape& shape, const Tensor& from, const StridedView& from_view, Tensor& to,
                  const StridedView& to_view) {
  if (element_count(shape) == 0) return;
  visit_storage(from.type(), [&](auto tag) {
    using T = decltype(tag);
    copy_axes(coalesced(shape, from_view, to_view), stored<T>(from) + from_view.offset,
              mutable_stored<T>(to) + to_view.offset);
  });
}

void fill(const Tensor& from, int64_t index, Tensor& to) {
  visit_storage(from.type(), [&](auto tag) {
    using T = decltype(tag);
    std::fill_n(mutable_stored<T>(to), to.count(), stored<T>(from)[index]);
  });
}

void fill_zero(Tensor& to) {
  visit_storage(to.type(), [&](auto tag) {
    using T = decltype(tag);
    std::fill_n(mutable_stored<T>(to), to.count(), T{});
  });
}

Result<const Tensor*> tensor_input(const RunContext& context, size_t i, const char* name) {
  if (!context.has_input(i) || !context.value(i).is_tensor())
    return context.error(std::string("needs a tensor as input ") + name);
  return &context.tensor(i);
}

Result<std::vector<int64_t>> int_input(const RunContext& context, size_t i, const char* name) {
  if (!context.has_input(i)) return std::vector<int64_t>();
  LATHE_ASSIGN(const Tensor* tensor, tensor_input(context, i, name));
  if (!is_integer(tensor->type()))
    return context.error(std::string("needs integers as input ") + name + ", not " +
                         to_string(tensor->type()));
  return tensor->to_int64();
}

Result<int64_t> integer_input(const RunContext& context, size_t i, const char* name) {
  LATHE_ASSIGN(const std::vector<int64_t> elements, int_input(context, i, name));
  if (elements.size() != 1)
    return context.error(std::string("needs one number as input ") + name + ", not " +
                         std::to_string(elements.size()));
  return elements[0];
}

std::string bad_index(int64_t index, int64_t position, size_t axis, int64_t size) {
  return "index " + std::to_string(index) + " at position " + std::to_string(position) +
         " is out of range for axis " + std::to_string(axis) + " of size " + std::to_string(size);
}

Result<size_t> resolve_axis(const Node& node, int64_t axis, size_t rank) {
  const auto resolved = normalize_axis(axis, rank);
  if (!resolved)
    return node_error(node,
                      "axis " + std::to_string(axis) + " is out of range for rank " + std::to_string(rank));
  return static_cast<size_t>(*resolved);
}

Result<std::vector<size_t>> resolve_axes(const Node& node, std::span<const int64_t> axes, size_t rank) {
  std::vector<size_t> resolved;
  std::vector<bool> seen(rank, false);
  for (const int64_t axis : axes) {
    LATHE_ASSIGN(const size_t at, resolve_axis(node, axis, rank));
    if (seen[at]) return node_error(node, "names axis " + std::to_string(axis) + " twice");
    seen[at] = true;
    resolved.push_back(at);
  }
  return resolved;
}

int64_t size_between(std::span<const int64_t> shape, size_t begin, size_t end) {
  return element_count(shape.subspan(begin, end - begin));
}

Dim size_between(const Dims& dims, size_t begin, size_t end) {
  Dim product(1);
  for (size_t i = begin; i < end; ++i) product = product * dims[i];
  return product;
}

std::vector<uint64_t> order_keys(const Tensor& tensor) {
  if (tensor.type() == ElementType::string) return string_ranks(tensor.strings());
  std::vector<uint64_t> keys;
  keys.reserve(static_cast<size_t>(tensor.count()));
  switch (tensor.type()) {
    case ElementType::f32:
      for (const uint32_t bits : tensor.data<uint32_t>()) keys.push_back(float_key(bits, 0x7f800000u));
      return keys;
    case ElementType::f64:
      for (const uint64_t bits : tensor.data<uint64_t>())
        keys.push_back(float_key(bits, uint64_t{0x7ff0000000000000u}));
      return keys;
    case ElementType::f16:
      for (const uint16_t bits : tensor.data<uint16_t>()) keys.push_back(float_key(bits, uint16_t{0x7c00}));
      return keys;
    case ElementType::bf16:
      for (const uint16_t bits : tensor.data<uint16_t>()) keys.push_back(float_key(bits, uint16_t{0x7f80}));
      return keys;
    case ElementType::u64:
      keys.assign(tensor.data<uint64_t>().begin(), tensor.data<uint64_t>().end());
      return keys;
    default:
      break;
  }
  if (is_integer(tensor.type()) || tensor.type() == ElementType::boolean) {
    for (const int64_t value : tensor.to_int64())
      keys.push_back(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63));
    return keys;
  }
  for (const double value : tensor.to_double())
    keys.push_back(float_key(std::bit_cast<uint64_t>(value), uint64_t{0x7ff0000000000000u}));
  keys.resize(static_cast<size_t>(tensor.count()), 0);
  return keys;
}

std::optional<Dims> dims_or_unknown(const InferContext& context, size_t i) {
  const Dims* dims = context.dims(i);
  return dims != nullptr ? std::optional<Dims>(*dims) : std::nullopt;
}

Dims unknown_dims(InferContext& context, size_t rank) {
  Dims dims;
  for (size_t i = 0; i < rank; ++i) dims.push_back(context.unknown_dim());
  return dims;
}

std::optional<size_t> known_length(const InferContext& context, size_t i) {
  if (const std::vector<Dim>* contents = context.has_input(i) ? context.contents(i) : nullptr)
    return contents->size();
  const Dims* dims = context.has_input(i) ? context.dims(i) : nullptr;
  if (dims == nullptr || dims->size() != 1 || !(*dims)[0].known()) return std::nullopt;
  return static_cast<size_t>((*dims)[0].value());
}

const Dim* scalar_contents(const InferContext& context, size_t i) {
  const std::vector<Dim>* contents = context.has_input(i) ? context.contents(i) : nullptr;
  return contents != nullptr && contents->size() == 1 ? contents->data() : nullptr;
}

Status infer_unknown_shape(InferContext& context, size_t i) {
  context.set_tensor(0, context.element(i), std::nullopt);
  return {};
}

int64_t no_flops(const Node&, std::span<const Shape>, std::span<const Shape>) {
  return 0;
}

}  // namespace lathe
