// SPDX-License-Identifier: Apache-2.0
// A dense row-major tensor over shared bytes, and the other runtime values of ONNX.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/result.h"
#include "engine/tensor/element_type.h"
#include "engine/tensor/shape.h"

namespace lathe {

/// Copying shares the bytes; treat a tensor as immutable once it is handed on.
class Tensor {
 public:
  /// No tensor: type() is undefined.
  Tensor() = default;
  /// Uninitialised elements (strings empty). Errors: the size overflows or memory runs out.
  static Result<Tensor> allocate(ElementType type, Shape shape);
  /// `bytes` must hold at least the elements; the caller has checked the size. They may begin anywhere: where
  /// that is no place for an element, raw() copies them to one when it is first called.
  static Tensor wrap(ElementType type, Shape shape, Buffer bytes);
  static Tensor of_strings(Shape shape, std::vector<std::string> elements);
  /// Copies `elements` (row-major; their number must fit the shape). For small tensors: aborts when out of
  /// memory.
  template <class T>
  static Tensor from(Shape shape, std::span<const T> elements);
  template <class T>
  static Tensor from(Shape shape, std::initializer_list<T> elements) {
    return from<T>(std::move(shape), std::span<const T>(elements.begin(), elements.size()));
  }
  template <class T>
  static Tensor scalar(T value) {
    return from<T>({}, std::span<const T>(&value, 1));
  }

  bool defined() const { return type_ != ElementType::undefined; }
  ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  size_t rank() const { return shape_.size(); }
  int64_t dim(size_t axis) const { return shape_[axis]; }
  int64_t count() const { return count_; }  ///< number of elements
  size_t bytes() const { return static_cast<size_t>(count_) * element_size(type_); }

  /// Aligned for the elements. Thread-safe.
  const std::byte* raw() const { return realigned_ ? aligned_bytes() : buffer_.data(); }
  /// For whoever has just made the tensor.
  std::byte* mutable_raw() { return buffer_.mutable_data(); }
  /// The bytes as they were given, perhaps not aligned: for whoever moves them and computes nothing.
  const Buffer& buffer() const { return buffer_; }
  template <class T>
  std::span<const T> data() const {
    return {reinterpret_cast<const T*>(raw()), static_cast<size_t>(count_)};
  }
  template <class T>
  std::span<T> mutable_data() {
    return {reinterpret_cast<T*>(mutable_raw()), static_cast<size_t>(count_)};
  }
  const std::vector<std::string>& strings() const { return *strings_; }
  std::vector<std::string>& mutable_strings() { return *strings_; }

  /// The same bytes under another shape with as many elements.
  Tensor reshaped(Shape shape) const;
  /// Elements as int64 (any integer, bool or float type; strings: empty).
  std::vector<int64_t> to_int64() const;
  /// Elements as double (any numeric type; strings: empty).
  std::vector<double> to_double() const;

 private:
  ElementType type_ = ElementType::undefined;
  Shape shape_;
  int64_t count_ = 0;
  /// A copy made when it is first needed, shared by all copies of the tensor.
  struct Realigned {
    std::once_flag once;
    Buffer bytes;
  };
  const std::byte* aligned_bytes() const;

  Buffer buffer_;
  std::shared_ptr<Realigned> realigned_;  ///< null where the buffer is aligned
  std::shared_ptr<std::vector<std::string>> strings_;
};

/// What flows along a graph edge at run time: a tensor, a sequence, or an optional (empty or holding either).
struct RuntimeValue {
  enum class Kind : uint8_t { none, tensor, sequence, empty_optional };
  Kind kind = Kind::none;  ///< none: an optional input or output that is not there
  Tensor tensor;
  std::shared_ptr<const std::vector<RuntimeValue>> sequence;
  ElementType element = ElementType::undefined;  ///< of an empty sequence

  RuntimeValue() = default;
  RuntimeValue(Tensor t) : kind(Kind::tensor), tensor(std::move(t)) {}
  static RuntimeValue of_sequence(std::vector<RuntimeValue> items,
                                  ElementType element = ElementType::undefined) {
    RuntimeValue value;
    value.kind = Kind::sequence;
    value.sequence = std::make_shared<const std::vector<RuntimeValue>>(std::move(items));
    value.element = element;
    return value;
  }
  static RuntimeValue empty_optional() {
    RuntimeValue value;
    value.kind = Kind::empty_optional;
    return value;
  }
  bool is_tensor() const { return kind == Kind::tensor; }
  bool present() const { return kind != Kind::none; }
};

template <class T>
Tensor Tensor::from(Shape shape, std::span<const T> elements) {
  if constexpr (std::is_same_v<T, std::string>) {
    return of_strings(std::move(shape), {elements.begin(), elements.end()});
  } else {
    Tensor tensor = std::move(allocate(element_type_of<T>, std::move(shape))).value();
    std::copy(elements.begin(), elements.end(), tensor.mutable_data<T>().begin());
    return tensor;
  }
}

}  // namespace lathe
