// SPDX-License-Identifier: Apache-2.0
// Tensors as the type a reference kernel computes in: f32 for f16, bf16 and f32; f64 for f64.
#pragma once

#include <utility>
#include <vector>

#include "engine/ops/operator.h"

namespace lathe {

/// Converts every element of a numeric tensor.
void load_elements(const Tensor& from, float* to);
void load_elements(const Tensor& from, double* to);
/// Integers modulo 2^64 (sign-extended), so that products and sums in uint64_t store back exactly; floats
/// give 0.
void load_elements(const Tensor& from, uint64_t* to);
/// Rounds (saturating for integers) into a numeric tensor.
void store_elements(const float* from, Tensor& to);
void store_elements(const double* from, Tensor& to);
/// Truncates into a tensor of any integer type.
void store_elements(const uint64_t* from, Tensor& to);

/// Read access to a numeric tensor as elements of A (float, double or uint64_t); copies only where the types
/// differ.
template <class A>
class Operand {
 public:
  Operand() = default;
  explicit Operand(const Tensor& tensor) {
    if (tensor.type() == element_type_of<A>) {
      data_ = tensor.data<A>().data();
      return;
    }
    copy_.resize(static_cast<size_t>(tensor.count()));
    load_elements(tensor, copy_.data());
    data_ = copy_.data();
  }
  Operand(Operand&&) noexcept = default;
  Operand& operator=(Operand&&) noexcept = default;

  const A* data() const { return data_; }
  A operator[](int64_t i) const { return data_[i]; }
  /// False for an absent optional.
  explicit operator bool() const { return data_ != nullptr; }

 private:
  const A* data_ = nullptr;
  std::vector<A> copy_;
};

/// Operand of input i, or one that is false when the input is absent.
template <class A>
Operand<A> optional_operand(const RunContext& context, size_t i) {
  return context.has_input(i) && context.value(i).is_tensor() ? Operand<A>(context.tensor(i)) : Operand<A>();
}

/// Write access to an output as elements of A; finish() rounds to the tensor's own type where that differs.
template <class A>
class OutputBuffer {
 public:
  static Result<OutputBuffer> make(RunContext& context, size_t i, ElementType type, Shape shape) {
    LATHE_ASSIGN(Tensor * tensor, context.output(i, type, std::move(shape)));
    OutputBuffer buffer;
    buffer.tensor_ = tensor;
    if (type == element_type_of<A>) {
      buffer.data_ = tensor->mutable_data<A>().data();
    } else {
      buffer.copy_.resize(static_cast<size_t>(tensor->count()));
      buffer.data_ = buffer.copy_.data();
    }
    return buffer;
  }
  OutputBuffer(OutputBuffer&&) noexcept = default;
  OutputBuffer& operator=(OutputBuffer&&) noexcept = default;

  A* data() { return data_; }
  int64_t count() const { return tensor_->count(); }
  std::span<A> span() { return {data_, static_cast<size_t>(tensor_->count())}; }
  A& operator[](int64_t i) { return data_[i]; }
  void finish() {
    if (tensor_->type() != element_type_of<A>) store_elements(data_, *tensor_);
  }

 private:
  OutputBuffer() = default;
  Tensor* tensor_ = nullptr;
  A* data_ = nullptr;
  std::vector<A> copy_;
};

/// Calls body(float{}) or body(double{}), whichever `type` is computed in; an error for other types.
template <class Body>
Status compute_float(const RunContext& context, ElementType type, Body&& body) {
  switch (type) {
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::f32:
      return body(float{});
    case ElementType::f64:
      return body(double{});
    default:
      return context.type_error(type);
  }
}

/// compute_float, and body(uint64_t{}) for integers: sums and products modulo 2^64 truncate to the right
/// result.
template <class Body>
Status compute_numeric(const RunContext& context, ElementType type, Body&& body) {
  if (is_integer(type) && element_bits(type) >= 8) return body(uint64_t{});
  return compute_float(context, type, body);
}

/// A bad_input error located at the node.
Error node_error(const Node& node, std::string what);
/// Error unless input i is there and a tensor of that rank (-1: any).
Status check_rank(const RunContext& context, size_t i, int rank, const char* name);

}  // namespace lathe
