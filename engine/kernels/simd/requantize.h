// SPDX-License-Identifier: Apache-2.0
// From sums of 8-bit products to what a quantised operator stores.
//
// The sums are exact, and what a model says is not: it dequantises, multiplies and adds in f32, and
// quantises. The two differ where a value lies within rounding of the middle of two steps, some elements in a
// million; each turns others behind it, until a deep network's outputs are several steps apart. So values
// that near ("ties") are noted, and decided as the model as written decides them: summed again in f32, in the
// order in which ONNX Runtime's CPU kernels (MLAS) sum.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/ops/fused_quantization.h"

namespace lathe::simd {

/// An element to decide again.
struct Tie {
  int64_t row;    ///< of the data it is made from
  int64_t pixel;  ///< of the output
  int32_t lane;
  int32_t residual;  ///< as stored; it may have been overwritten since
};

/// What is said of the operator when it is prepared. A lane is a place in a vector: channel `order[lane]`, or
/// none where that is -1; lanes come in thirty-twos.
struct Requantization {
  enum class Residual { none, added, added_to_steps };

  QuantizedOperation operation;
  Residual residual = Residual::none;
  bool residual_signed = false;
  int64_t channels = 0;
  std::vector<int32_t> order;

  // By lane: steps of the first rounding = sum * multiplier + offset. `near`: the distance from the nearest
  // step beyond which an element is a tie.
  std::vector<int32_t> start;  ///< what sums begin with: what the data's zero point adds to them
  std::vector<float> multiplier, offset, near;
  // By channel.
  std::vector<float> bias;  ///< empty: none

  float first_low = 0, first_high = 0;  ///< what the first rounding may give, in steps
  float low = 0, high = 0;              ///< what the last one may give, or real bounds of an f32 output
  bool real() const { return operation.output_type == ElementType::f32; }
};

struct RequantizedProduct {
  QuantizedOperation operation;
  ElementType residual_type = ElementType::undefined;
  int64_t depth = 0;               ///< products in a sum
  int32_t zero_point = 0;          ///< of the data as it is multiplied
  std::span<const int32_t> sums;   ///< of each channel's weights
  std::span<const float> squares;  ///< of each channel's weights, added up
  std::span<const float> bias;
  std::vector<int32_t> order;
};
/// Nothing where the activation is more than bounds, or a residual joins an f32 output.
std::optional<Requantization> describe_requantization(const RequantizedProduct& product);

/// Rows of one block, 32 lanes wide.
struct RequantizeTask {
  const int32_t* sums = nullptr;    ///< [rows][32]
  const int64_t* pixels = nullptr;  ///< where each row goes, or -1: nowhere
  int64_t first_row = 0, rows = 0;
  int64_t first_lane = 0;
  const uint8_t* residual = nullptr;  ///< of the image, channels last
  std::byte* y = nullptr;             ///< of the image, channels last
};
/// Of one thread. Of one block no more are noted than `a_block`: a model whose every value is one (scales may
/// be such) is not worth more.
struct TieList {
  static constexpr size_t a_block = 32;

  std::array<Tie, 256> stored;
  size_t count = 0;

  bool has_room() const { return count + a_block <= stored.size(); }
  std::span<const Tie> all() const { return {stored.data(), count}; }
};

/// Wants a list that has room.
/// For lanes that are channels in order.
void requantize(const Requantization& how, const RequantizeTask& task, TieList& ties);
/// The same for lanes in the order in which _mm512_unpacklo_epi16 and _mm512_unpackhi_epi16 leave 32
/// channels.
void requantize_unpacked(const Requantization& how, const RequantizeTask& task, TieList& ties);

/// Stores what becomes of the product's f32 sum.
void store_tie(const Requantization& how, const Tie& tie, float sum, std::byte* y);

}  // namespace lathe::simd
