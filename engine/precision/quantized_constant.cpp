// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/quantized_constant.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr float largest_weight = 127;

}  // namespace

std::vector<float> channel_scales(const Tensor& weights, size_t axis) {
  const auto channels = static_cast<size_t>(weights.dim(axis));
  const int64_t inner = element_count(std::span(weights.shape()).subspan(axis + 1));
  std::vector<float> largest(channels, 0);
  const auto numbers = weights.data<float>();
  for (size_t i = 0; i < numbers.size(); ++i) {
    float& channel = largest[(i / static_cast<size_t>(inner)) % channels];
    channel = std::max(channel, std::abs(numbers[i]));
  }
  // A channel of zeros takes the scale of the others: its bias has to have digits, too.
  const float overall = *std::max_element(largest.begin(), largest.end());
  const float floor = overall > 0 ? overall * 1e-7F : 1.0F;
  for (float& scale : largest) scale = (scale > floor ? scale : std::max(overall, floor)) / largest_weight;
  return largest;
}

Result<Tensor> rounded_weights(const Tensor& weights, size_t axis, const std::vector<float>& scales) {
  LATHE_ASSIGN(Tensor made, Tensor::allocate(ElementType::i8, weights.shape()));
  const int64_t inner = element_count(std::span(weights.shape()).subspan(axis + 1));
  const auto from = weights.data<float>();
  const auto to = made.mutable_data<int8_t>();
  for (size_t i = 0; i < from.size(); ++i) {
    const float scale = scales[(i / static_cast<size_t>(inner)) % scales.size()];
    to[i] = static_cast<int8_t>(std::clamp(std::nearbyint(from[i] / scale), -largest_weight, largest_weight));
  }
  return made;
}

}  // namespace lathe
