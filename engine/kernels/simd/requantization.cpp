// SPDX-License-Identifier: Apache-2.0
// What is known of a requantisation beforehand, and what becomes of single elements. Compiled without
// contraction.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/kernels/simd/requantize.h"

namespace lathe::simd {
namespace {

struct Bounds {
  float low, high;
};

/// An activation that only cuts, as bounds of real numbers.
std::optional<Bounds> bounds_of(const Activation& activation) {
  constexpr float limit = std::numeric_limits<float>::max();
  if (activation.kind == ActivationKind::none) return Bounds{-limit, limit};
  if (activation.kind == ActivationKind::relu) return Bounds{0, limit};
  if (activation.kind == ActivationKind::clip) return Bounds{activation.alpha, activation.beta};
  return std::nullopt;
}

/// Steps that a type can store, from its zero point.
Bounds steps_of(ElementType type, const Quantization& quantization) {
  const float low = type == ElementType::u8 ? 0.0F : -128.0F,
              high = type == ElementType::u8 ? 255.0F : 127.0F;
  const auto zero = static_cast<float>(quantization.zero_point);
  return {low - zero, high - zero};
}

float rounded(float steps) {
  return std::nearbyint(steps);
}

/// How far an f32 sum strays from the exact one, in steps, with room: rounding errors of a sum of n products
/// grow like the square root of n times the size of partial sums, here taken from data of half its range.
float stray(float root_of_squares, float step, float offset, int64_t depth) {
  constexpr float unit = 1.0F / (1 << 24), half_range = 128, own = 510, block = 128;
  const auto n = static_cast<float>(depth);
  const float spread = half_range * root_of_squares * step;
  const float roundings = std::sqrt(std::min(n, block) + n / block) * (0.5F + 1.0F / std::sqrt(n));
  return unit * (spread * roundings + own + 3 * std::fabs(offset));
}

/// Biases are integers in units of the products as a rule: then they join the sum.
void add_whole_bias(Requantization& how, size_t lane, size_t channel) {
  if (how.bias.empty()) return;
  constexpr float roundings = 4.0F / (1 << 24), most = 1 << 30;
  const float units = how.bias[channel] / (how.operation.input.scale * how.operation.weight_scale(channel));
  const float whole = rounded(units);
  if (std::fabs(units - whole) > roundings * std::fabs(whole) || std::fabs(whole) > most) return;
  how.start[lane] += static_cast<int32_t>(whole);
  how.offset[lane] = 0;
}

void bound_real(Requantization& how, const Bounds& cut) {
  how.low = cut.low;
  how.high = cut.high;
  if (!is_8bit(how.operation.reader_type)) {
    how.operation.reader.scale = 1;
    return;
  }
  const Bounds seen = steps_of(how.operation.reader_type, how.operation.reader);
  how.first_low = seen.low - 1;
  how.first_high = seen.high + 1;
}

void bound_steps(Requantization& how, const Bounds& cut) {
  const QuantizedOperation& operation = how.operation;
  const Bounds stored = steps_of(operation.output_type, operation.output);
  how.low = std::clamp(rounded(cut.low / operation.output.scale), stored.low, stored.high);
  how.high = std::clamp(rounded(cut.high / operation.output.scale), stored.low, stored.high);
  const bool between = how.residual == Requantization::Residual::added_to_steps;
  const Bounds first =
      between ? steps_of(operation.between_type, operation.between) : Bounds{how.low, how.high};
  how.first_low = first.low;
  how.first_high = first.high;
}

/// The step of the first rounding.
float first_step(const Requantization& how) {
  if (how.real()) return how.operation.reader.scale;
  const bool between = how.residual == Requantization::Residual::added_to_steps;
  return between ? how.operation.between.scale : how.operation.output.scale;
}

void describe_lanes(Requantization& how, const RequantizedProduct& product) {
  const size_t count = how.order.size();
  how.start.resize(count);
  how.multiplier.resize(count);
  how.offset.resize(count);
  how.near.assign(count, 1.0F);
  const float step = first_step(how);
  const bool rounds = !how.real() || is_8bit(how.operation.reader_type);
  for (size_t lane = 0; lane < count; ++lane) {
    if (how.order[lane] < 0) continue;
    const auto channel = static_cast<size_t>(how.order[lane]);
    how.start[lane] = -product.zero_point * product.sums[channel];
    how.multiplier[lane] = how.operation.input.scale * how.operation.weight_scale(channel) / step;
    how.offset[lane] = how.bias.empty() ? 0.0F : how.bias[channel] / step;
    if (how.operation.integer_sums)
      add_whole_bias(how, lane, channel);
    else if (rounds)
      how.near[lane] = 0.5F - stray(std::sqrt(product.squares[channel]), how.multiplier[lane],
                                    how.offset[lane], product.depth);
  }
}

uint8_t stored_as(float steps, float low, float high, int32_t zero_point) {
  return static_cast<uint8_t>(static_cast<int32_t>(rounded(std::clamp(steps, low, high))) + zero_point);
}

}  // namespace

std::optional<Requantization> describe_requantization(const RequantizedProduct& product) {
  using Residual = Requantization::Residual;
  const QuantizedOperation& operation = product.operation;
  const bool real = operation.output_type == ElementType::f32, between = is_8bit(operation.between_type),
             residual = product.residual_type != ElementType::undefined;
  const auto cut = bounds_of(operation.activation);
  if (!cut || (!real && !is_8bit(operation.output_type))) return std::nullopt;
  if (residual ? real || !is_8bit(product.residual_type) : between) return std::nullopt;
  Requantization made;
  made.operation = operation;
  made.residual = !residual ? Residual::none : between ? Residual::added_to_steps : Residual::added;
  made.residual_signed = product.residual_type == ElementType::i8;
  made.channels = static_cast<int64_t>(product.sums.size());
  made.order = product.order;
  made.bias.assign(product.bias.begin(), product.bias.end());
  if (real)
    bound_real(made, *cut);
  else
    bound_steps(made, *cut);
  describe_lanes(made, product);
  return made;
}

void store_tie(const Requantization& how, const Tie& tie, float sum, std::byte* y) {
  const QuantizedOperation& operation = how.operation;
  const int32_t channel = how.order[static_cast<size_t>(tie.lane)];
  float value = how.bias.empty() ? sum : sum + how.bias[static_cast<size_t>(channel)];
  std::byte* to = y + (tie.pixel * how.channels + channel) * (how.real() ? 4 : 1);
  if (how.real()) {
    value = std::clamp(value, how.low, how.high);
    std::memcpy(to, &value, sizeof value);
    return;
  }
  if (how.residual != Requantization::Residual::none) {
    if (how.residual == Requantization::Residual::added_to_steps)
      value = operation.between.scale *
              rounded(std::clamp(value / operation.between.scale, how.first_low, how.first_high));
    value += operation.residual.scale * static_cast<float>(tie.residual - operation.residual.zero_point);
  }
  *to = std::byte{stored_as(value / operation.output.scale, how.low, how.high, operation.output.zero_point)};
}

}  // namespace lathe::simd
