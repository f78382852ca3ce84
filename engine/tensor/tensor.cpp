// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/tensor.h"

#include <cstring>

#include "engine/base/checked.h"

namespace lathe {
namespace {

template <class Out>
std::vector<Out> convert_elements(const Tensor& tensor) {
  std::vector<Out> out;
  out.reserve(static_cast<size_t>(tensor.count()));
  const bool done = visit_numeric(tensor.type(), [&](auto zero) {
    for (const auto element : tensor.data<decltype(zero)>()) out.push_back(static_cast<Out>(element));
  });
  if (done) return out;
  visit_type<bool, int8_t>(tensor.type(), [&](auto zero) {
    for (const auto element : tensor.data<decltype(zero)>()) out.push_back(static_cast<Out>(element));
  });
  visit_type<U4, I4, U2, I2>(tensor.type(), [&](auto zero) {
    for (const auto element : tensor.data<decltype(zero)>()) out.push_back(static_cast<Out>(element.value));
  });
  return out;
}

}  // namespace

Result<Tensor> Tensor::allocate(ElementType type, Shape shape) {
  const auto count = checked_element_count(shape);
  const auto bytes =
      count ? checked_mul(*count, static_cast<int64_t>(std::max<size_t>(element_size(type), 1))) : count;
  if (!bytes) return resource_error("", "a tensor of shape " + to_string(shape) + " is too large");
  Tensor tensor;
  tensor.type_ = type;
  tensor.count_ = *count;
  tensor.shape_ = std::move(shape);
  if (type == ElementType::string) {
    tensor.strings_ = std::make_shared<std::vector<std::string>>(static_cast<size_t>(*count));
    return tensor;
  }
  LATHE_ASSIGN(tensor.buffer_, Buffer::allocate(static_cast<size_t>(*bytes)));
  return tensor;
}

Tensor Tensor::wrap(ElementType type, Shape shape, Buffer bytes) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.count_ = element_count(shape);
  tensor.shape_ = std::move(shape);
  tensor.buffer_ = std::move(bytes);
  const size_t alignment = std::clamp<size_t>(element_size(type), 1, sizeof(double));
  if (reinterpret_cast<uintptr_t>(tensor.buffer_.data()) % alignment != 0)
    tensor.realigned_ = std::make_shared<Realigned>();
  return tensor;
}

const std::byte* Tensor::aligned_bytes() const {
  std::call_once(realigned_->once, [&] {
    auto copy = Buffer::allocate_lasting(bytes());
    if (!copy.ok()) {  // slower, where the processor allows it, but not lost
      realigned_->bytes = buffer_;
      return;
    }
    if (bytes() > 0) std::memcpy(copy->mutable_data(), buffer_.data(), bytes());
    realigned_->bytes = std::move(*copy);
    buffer_.release_pages();  // not held twice
  });
  return realigned_->bytes.data();
}

Tensor Tensor::of_strings(Shape shape, std::vector<std::string> elements) {
  Tensor tensor;
  tensor.type_ = ElementType::string;
  tensor.count_ = element_count(shape);
  tensor.shape_ = std::move(shape);
  tensor.strings_ = std::make_shared<std::vector<std::string>>(std::move(elements));
  return tensor;
}

Tensor Tensor::reshaped(Shape shape) const {
  Tensor other = *this;
  other.shape_ = std::move(shape);
  return other;
}

std::vector<int64_t> Tensor::to_int64() const {
  return convert_elements<int64_t>(*this);
}
std::vector<double> Tensor::to_double() const {
  return convert_elements<double>(*this);
}

}  // namespace lathe
