// SPDX-License-Identifier: Apache-2.0
// Sums of dequantised products in f32, in the order in which ONNX Runtime's CPU kernels (MLAS) add them up:
// for the few elements of a quantised product that an exact sum would decide otherwise (see requantize.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/simd/quantized_panels.h"
#include "engine/kernels/simd/requantize.h"

namespace lathe::simd {

/// Of convolutions in one group, which MLAS computes as matrix products: each product is fused to its sum,
/// channel by channel and tap by tap, in blocks whose sums are added.
class DenseTieSums {
 public:
  static constexpr size_t together = 16;

  DenseTieSums(const QuantizedGeometry& geometry, const Requantization& how, bool is_signed);
  /// `rows` and `panels` are what the product read; at most 16 ties.
  void add_up(const uint8_t* rows, const QuantizedPanels& panels, std::span<const Tie> ties,
              float* sums) const;

 private:
  struct Places;
  void add_up_quads(const uint8_t* rows, const int8_t* weights, const Places& places, float* sums) const;
  float add_up_one(const uint8_t* row, const int8_t* column, float scale) const;

  bool is_signed_;
  bool in_quads_ = false;  ///< four channels can be loaded at once
  int64_t channels_, depth_, block_, row_stride_;
  Quantization input_;
  std::vector<float> weight_scales_;
  std::vector<int32_t> order_;
  std::vector<int32_t> data_at_;     ///< [taps], bytes from a row
  std::vector<int32_t> weights_at_;  ///< [channels][taps], bytes from a column's first of an output channel
};

/// Of depthwise convolutions, which MLAS computes as a row times a matrix: four products at a time, not
/// fused.
float sum_as_row(const float* products, int64_t depth);

}  // namespace lathe::simd
