// SPDX-License-Identifier: Apache-2.0
#include "engine/precision/block_quantization.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace lathe {
namespace {

constexpr float most = 15;
constexpr std::array clips = {1.0F, 0.95F, 0.9F, 0.85F, 0.8F, 0.75F};
constexpr size_t largest_block = 256;

/// To the nearest integer, ties to even; for small numbers, and without a call.
float rounded(float x) {
  constexpr float shift = 12582912.0F;  // 1.5 * 2^23: no fraction is left of what is added
  return (x + shift) - shift;
}

/// Rounds weights to levels less their zero point; returns the scale that fits those best.
float levels(std::span<const float> weights, float scale, float zero, std::span<float> to) {
  const float inverse = 1 / scale;
  float products = 0, squares = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    to[i] = std::clamp(rounded(weights[i] * inverse) + zero, 0.0F, most) - zero;
    products += weights[i] * to[i];
    squares += to[i] * to[i];
  }
  return squares > 0 && std::isfinite(products) ? products / squares : scale;
}

float square_error(std::span<const float> weights, std::span<const float> numbers, float scale) {
  float sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const float error = weights[i] - scale * numbers[i];
    sum += error * error;
  }
  return sum;
}

}  // namespace

QuantizedBlock quantize_block(std::span<const float> weights, std::span<uint8_t> stored) {
  float low = 0, high = 0;
  for (const float weight : weights) {
    low = std::min(low, weight);
    high = std::max(high, weight);
  }
  QuantizedBlock best;
  std::fill(stored.begin(), stored.end(), uint8_t{0});
  // Below that a step is no normal number any more; to weights so small 0 is as good.
  if (!(clips.back() * (high / most - low / most) > 1e-30F)) return best;
  float least = -1;
  std::array<float, largest_block> buffer;
  const std::span<float> numbers(buffer.data(), weights.size());
  for (const float clip : clips) {
    const float step = clip * (high / most - low / most);
    const float zero = std::clamp(rounded(-clip * low / step), 0.0F, most);
    const float scale = levels(weights, step, zero, numbers);
    const float error = square_error(weights, numbers, scale);
    if (least >= 0 && !(error < least)) continue;
    least = error;
    best = {scale, static_cast<uint8_t>(zero)};
    for (size_t i = 0; i < weights.size(); ++i) stored[i] = static_cast<uint8_t>(numbers[i] + zero);
  }
  return best;
}

Result<BlockWeights> quantize_blocks(const Tensor& weights, bool transposed, int64_t block) {
  const int64_t depth = weights.dim(transposed ? 1 : 0), columns = weights.dim(transposed ? 0 : 1);
  const int64_t blocks = (depth + block - 1) / block, zero_row = (blocks + 1) / 2;
  BlockWeights made;
  LATHE_ASSIGN(made.stored, Tensor::allocate(ElementType::u8, {columns, blocks, block / 2}));
  LATHE_ASSIGN(made.scales, Tensor::allocate(ElementType::f32, {columns * blocks}));
  LATHE_ASSIGN(made.zero_points, Tensor::allocate(ElementType::u8, {columns * zero_row}));
  const auto bytes = made.stored.mutable_data<uint8_t>(), zeros = made.zero_points.mutable_data<uint8_t>();
  const auto scales = made.scales.mutable_data<float>();
  std::fill(zeros.begin(), zeros.end(), uint8_t{0});
  const auto from = weights.data<float>();
  std::vector<float> column(static_cast<size_t>(block));
  std::vector<uint8_t> stored(static_cast<size_t>(block));
  for (int64_t n = 0; n < columns; ++n)
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t first = b * block, count = std::min(block, depth - first);
      for (int64_t k = 0; k < count; ++k)
        column[static_cast<size_t>(k)] =
            from[static_cast<size_t>(transposed ? n * depth + first + k : (first + k) * columns + n)];
      const auto used = static_cast<size_t>(count);
      const QuantizedBlock found =
          quantize_block(std::span(column).first(used), std::span(stored).first(used));
      std::fill(stored.begin() + count, stored.end(), found.zero_point);
      scales[static_cast<size_t>(n * blocks + b)] = found.scale;
      zeros[static_cast<size_t>(n * zero_row + b / 2)] |=
          static_cast<uint8_t>(found.zero_point << (b % 2 * 4));
      uint8_t* to = bytes.data() + (n * blocks + b) * block / 2;
      for (size_t k = 0; k < stored.size(); k += 2)
        to[k / 2] = static_cast<uint8_t>(stored[k] | (stored[k + 1] << 4));
    }
  return made;
}

}  // namespace lathe
