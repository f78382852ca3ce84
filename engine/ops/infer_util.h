// SPDX-License-Identifier: Apache-2.0
// Inference helpers of the operators that compute element by element or along axes.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/ops/operator.h"

namespace lathe {

/// Broadcast of two shapes. Of two different symbols the first is believed; numbers that differ are an error.
Result<Dims> broadcast_dims(const Node& node, const Dims& a, const Dims& b);
/// Broadcast of all inputs from `first`; nullopt when a rank is not known.
Result<std::optional<Dims>> broadcast_inputs(const InferContext& context, size_t first = 0);

/// Output 0 has input 0's type.
Status infer_same(InferContext& context);
/// Output 0 is boolean with input 0's shape.
Status infer_same_bool(InferContext& context);
/// infer_same, and known integer elements go through (Floor, Round, Identity..).
Status infer_same_contents(InferContext& context);
/// Output 0 is input 0's shape with another element type.
void set_same_shape(InferContext& context, size_t output, ElementType type, size_t input = 0);

/// Elements of input i that are known to be whole numbers, floats that are constants included; nullopt
/// otherwise.
std::optional<std::vector<Dim>> whole_contents(const InferContext& context, size_t i);
/// Sets the contents of output 0 when its type is rank 0 or 1.
void propagate(InferContext& context, const std::optional<Dims>& dims, std::vector<Dim> elements);

/// Shape of B under the `axis` and `broadcast` attributes that arithmetic operators had before opset 7: with
/// ones appended so that NumPy's rules align it at `axis`. T is int64_t or Dim.
template <class T>
std::vector<T> legacy_broadcast(const Node& node, size_t rank_a, std::vector<T> b) {
  const int64_t axis = node.attributes.get_int("axis", -1);
  if (node.version >= 7 || !node.attributes.has("axis") || b.size() > rank_a) return b;
  const auto rank = static_cast<int64_t>(rank_a);
  const int64_t start = axis < 0 ? axis + rank : axis;
  for (int64_t i = start + static_cast<int64_t>(b.size()); start >= 0 && i < rank; ++i) b.push_back(T(1));
  return b;
}

/// What to reduce: a flag per axis. `axes` comes from input 1 where the operator has it, else from the
/// attribute.
struct ReducedAxes {
  std::vector<bool> reduced;
  bool keep = true;
};
/// `axes` empty means all, or none with noop_with_empty_axes.
Result<ReducedAxes> resolve_reduced_axes(const Node& node, std::span<const int64_t> axes, size_t rank);
Shape reduced_shape(const Shape& shape, const ReducedAxes& axes);
/// Infers output 0 of a reduction with elements of `type`.
Status infer_reduced(InferContext& context, ElementType type);

/// The product of axes before, of, and after `axis`.
struct AxisSplit {
  int64_t outer = 1, size = 1, inner = 1;
};
AxisSplit split_at(std::span<const int64_t> shape, size_t axis);

}  // namespace lathe
