// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/quantized.h"

#include <cmath>
#include <limits>

#include "engine/ops/permute.h"

namespace lathe {

Result<std::vector<uint32_t>> centered_integers(const RunContext& context, const Tensor& tensor,
                                                const Tensor* zero_point, Shape zero_point_shape) {
  std::vector<uint32_t> out(static_cast<size_t>(tensor.count()));
  const bool known = visit_type<uint8_t, int8_t, uint16_t, int16_t>(tensor.type(), [&](auto tag) {
    using T = decltype(tag);
    const auto data = tensor.data<T>();
    for (size_t i = 0; i < data.size(); ++i) out[i] = static_cast<uint32_t>(static_cast<int32_t>(data[i]));
  });
  if (!known) return context.type_error(tensor.type());
  if (zero_point == nullptr) return out;
  if (zero_point->type() != tensor.type())
    return context.error("has a zero point of another element type than its tensor");
  const std::vector<int64_t> zeros = zero_point->to_int64();
  if (zeros.size() == 1) {
    for (uint32_t& element : out) element -= static_cast<uint32_t>(zeros[0]);
    return out;
  }
  if (zero_point_shape.size() > tensor.rank() ||
      broadcast(zero_point_shape, tensor.shape()) != tensor.shape())
    return context.error("has a zero point of shape " + to_string(zero_point->shape()) +
                         " for a tensor of shape " + to_string(tensor.shape()));
  for_each_strided(tensor.shape(), broadcast_strides(zero_point_shape, tensor.shape()),
                   [&](int64_t i, int64_t offset) {
                     out[static_cast<size_t>(i)] -= static_cast<uint32_t>(zeros[static_cast<size_t>(offset)]);
                   });
  return out;
}

const Tensor* optional_tensor(const RunContext& context, size_t i) {
  return context.has_input(i) && context.value(i).is_tensor() ? &context.tensor(i) : nullptr;
}

Result<float> scalar_input(const RunContext& context, size_t i, const char* name) {
  const Tensor* tensor = optional_tensor(context, i);
  if (tensor == nullptr || tensor->count() != 1 || tensor->type() == ElementType::string)
    return context.error(std::string("needs a single number as ") + name);
  return static_cast<float>(tensor->to_double()[0]);
}

Result<Quantizer> Quantizer::make(const RunContext& context, const Tensor* zero_point) {
  Quantizer quantizer;
  if (zero_point == nullptr) return quantizer;
  quantizer.type_ = zero_point->type();
  switch (quantizer.type_) {
    case ElementType::u8:
    case ElementType::i8:
    case ElementType::u16:
    case ElementType::i16:
      break;
    default:
      return context.type_error(quantizer.type_);
  }
  if (zero_point->count() != 1) return context.error("needs a single zero point for its output");
  quantizer.zero_point_ = static_cast<int32_t>(zero_point->to_int64()[0]);
  return quantizer;
}

Status Quantizer::store(RunContext& context, size_t output, Shape shape,
                        std::span<const float> values) const {
  LATHE_ASSIGN(Tensor * tensor, context.output(output, type_, std::move(shape)));
  visit_type<uint8_t, int8_t, uint16_t, int16_t>(type_, [&](auto tag) {
    using T = decltype(tag);
    const auto low = static_cast<float>(std::numeric_limits<T>::min()),
               high = static_cast<float>(std::numeric_limits<T>::max());
    const auto target = tensor->mutable_data<T>();
    for (size_t i = 0; i < target.size(); ++i) {
      const float shifted = std::nearbyint(values[i]) + static_cast<float>(zero_point_);
      target[i] = static_cast<T>(std::isnan(shifted) ? low : std::min(std::max(shifted, low), high));
    }
  });
  return {};
}

}  // namespace lathe
