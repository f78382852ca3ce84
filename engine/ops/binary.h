// SPDX-License-Identifier: Apache-2.0
// What the elementwise operators of two inputs share: their operands, and inference that carries known
// elements.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/ops/elementwise.h"

namespace lathe {

/// The type that elements of T are computed in.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, F16> || std::is_same_v<T, BF16>, float, T>;

/// Calls visitor(T{}) for the integers of 8 to 64 bits; false for other types.
template <class Visitor>
bool visit_integer(ElementType type, Visitor&& visitor) {
  return visit_type<int64_t, int32_t, uint8_t, int8_t, uint16_t, int16_t, uint32_t, uint64_t>(type, visitor);
}

/// Inputs A and B and how they are read to fill the output.
struct BinaryOperands {
  const Tensor* a;
  const Tensor* b;
  Shape output;
  BroadcastLoop loop;
};
/// Error when the shapes do not broadcast or, unless `mixed`, the element types differ.
inline Result<BinaryOperands> binary_operands(const RunContext& context, bool mixed = false) {
  LATHE_ASSIGN(const Tensor* a, tensor_input(context, 0, "A"));
  LATHE_ASSIGN(const Tensor* b, tensor_input(context, 1, "B"));
  if (!mixed && a->type() != b->type())
    return context.error(std::string("has inputs of types ") + to_string(a->type()) + " and " +
                         to_string(b->type()));
  LATHE_ASSIGN(BroadcastPair shapes, broadcast_pair(context, a->shape(), b->shape()));
  const BroadcastLoop loop(shapes.output, std::array{a->shape(), shapes.b});
  return BinaryOperands{a, b, std::move(shapes.output), loop};
}

/// An error when two inputs from `first` have different known element types.
inline Status check_same_elements(const InferContext& context, size_t first = 0) {
  ElementType type = ElementType::undefined;
  for (size_t i = first; i < context.input_count(); ++i) {
    const ElementType next = context.element(i);
    if (next == ElementType::undefined) continue;
    if (type != ElementType::undefined && type != next)
      return node_error(context.node(),
                        std::string("has inputs of types ") + to_string(type) + " and " + to_string(next));
    type = next;
  }
  return {};
}

/// The elements of output 0, element by element of inputs 0 and 1, as far as `combine` (two Dims to
/// std::optional<Dim>) can tell every one of them.
template <class Combine>
void propagate_binary(InferContext& context, const std::optional<Dims>& dims, Combine&& combine) {
  if (!dims || dims->size() > 1) return;
  const auto a = whole_contents(context, 0);
  if (!a) return;
  const auto b = whole_contents(context, 1);
  if (!b || (a->size() != b->size() && a->size() != 1 && b->size() != 1)) return;
  const size_t count = a->size() == 1 ? b->size() : a->size();
  std::vector<Dim> elements;
  for (size_t i = 0; i < count; ++i) {
    std::optional<Dim> element = combine((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    if (!element) return;
    elements.push_back(*std::move(element));
  }
  context.set_contents(0, std::move(elements));
}

}  // namespace lathe
