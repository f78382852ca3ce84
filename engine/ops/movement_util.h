// SPDX-License-Identifier: Apache-2.0
// Helpers of the operators that move elements without looking at them: storage by element size, strided
// copies, axes and indices, and the inference they share.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/ops/operand.h"
#include "engine/ops/operator.h"

namespace lathe {

/// Storage of 16-byte elements.
struct Bits128 {
  uint64_t low = 0, high = 0;
  friend bool operator==(const Bits128&, const Bits128&) = default;
};

/// Calls visitor(T{}) with a type that stores elements of `type`: an unsigned integer of their size, or
/// std::string. What moves elements has six variants instead of one per element type.
template <class Visitor>
auto visit_storage(ElementType type, Visitor&& visitor) {
  if (type == ElementType::string) return visitor(std::string());
  switch (element_size(type)) {
    case 2:
      return visitor(uint16_t{});
    case 4:
      return visitor(uint32_t{});
    case 8:
      return visitor(uint64_t{});
    case 16:
      return visitor(Bits128{});
    default:
      return visitor(uint8_t{});
  }
}

/// Elements of a tensor as the storage type visit_storage gave.
template <class T>
const T* stored(const Tensor& tensor) {
  if constexpr (std::is_same_v<T, std::string>)
    return tensor.strings().data();
  else
    return reinterpret_cast<const T*>(tensor.raw());
}
template <class T>
T* mutable_stored(Tensor& tensor) {
  if constexpr (std::is_same_v<T, std::string>)
    return tensor.mutable_strings().data();
  else
    return reinterpret_cast<T*>(tensor.mutable_raw());
}

/// Copies a run of elements; a run of one is common enough to be worth its own path.
template <class T>
inline void copy_run(const T* from, T* to, int64_t count) {
  if (count == 1) {
    *to = *from;
  } else if constexpr (std::is_same_v<T, std::string>) {
    std::copy_n(from, count, to);
  } else if (count > 0) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
  }
}

/// Which elements of a tensor a copy touches: element [i, j, ..] is at offset + i*strides[0] + j*strides[1]..
struct StridedView {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};
/// The whole of a row-major tensor.
StridedView whole(std::span<const int64_t> shape);

/// Copies `shape` elements from one view to another, in the longest contiguous runs there are. Both tensors
/// have the same element type (strings too), and the views stay inside them.
void copy_strided(const Shape& shape, const Tensor& from, const StridedView& from_view, Tensor& to,
                  const StridedView& to_view);
/// Every element of `to` becomes element `index` of `from`.
void fill(const Tensor& from, int64_t index, Tensor& to);
/// Every element becomes 0, false or the empty string.
void fill_zero(Tensor& to);

/// Tensor input i, or an error that names it.
Result<const Tensor*> tensor_input(const RunContext& context, size_t i, const char* name);
/// Elements of integer tensor input i; empty when the optional input is absent.
Result<std::vector<int64_t>> int_input(const RunContext& context, size_t i, const char* name);
/// The one element of integer tensor input i.
Result<int64_t> integer_input(const RunContext& context, size_t i, const char* name);

/// Integer elements without copying where they are int64 already.
class Indices {
 public:
  explicit Indices(const Tensor& tensor) {
    if (tensor.type() == ElementType::i64) {
      data_ = tensor.data<int64_t>();
    } else {
      copy_ = tensor.to_int64();
      data_ = copy_;
    }
  }
  Indices(const Indices&) = delete;
  Indices& operator=(const Indices&) = delete;
  int64_t operator[](int64_t i) const { return data_[static_cast<size_t>(i)]; }
  int64_t count() const { return static_cast<int64_t>(data_.size()); }

 private:
  std::span<const int64_t> data_;
  std::vector<int64_t> copy_;
};

/// Index in 0..size-1 from one that may be negative; -1 out of range.
inline int64_t wrap_index(int64_t index, int64_t size) {
  if (index < 0) index += size;
  return index >= 0 && index < size ? index : -1;
}
/// "index 7 at position 3 is out of range for axis 1 of size 5".
std::string bad_index(int64_t index, int64_t position, size_t axis, int64_t size);

/// Axis in 0..rank-1, or an error located at the node.
Result<size_t> resolve_axis(const Node& node, int64_t axis, size_t rank);
Result<std::vector<size_t>> resolve_axes(const Node& node, std::span<const int64_t> axes, size_t rank);

/// Product of sizes from axis `begin` up to `end`.
int64_t size_between(std::span<const int64_t> shape, size_t begin, size_t end);
Dim size_between(const Dims& dims, size_t begin, size_t end);

/// Order-preserving keys: a < b exactly when key(a) < key(b). NaNs are equal and above all numbers; -0 equals
/// 0; false < true; strings are ranked. Complex types have no order: all keys 0.
std::vector<uint64_t> order_keys(const Tensor& tensor);

/// Inference helpers.
std::optional<Dims> dims_or_unknown(const InferContext& context, size_t i);
Dims unknown_dims(InferContext& context, size_t rank);
/// Number of elements of a rank-1 input whose shape is known.
std::optional<size_t> known_length(const InferContext& context, size_t i);
/// The one propagated element of input i, or null.
const Dim* scalar_contents(const InferContext& context, size_t i);
/// Output 0 has input i's element type and an unknown shape.
Status infer_unknown_shape(InferContext& context, size_t i = 0);

/// Moving elements takes no arithmetic.
int64_t no_flops(const Node& node, std::span<const Shape> inputs, std::span<const Shape> outputs);

}  // namespace lathe
