// SPDX-License-Identifier: Apache-2.0
// An 8-bit convolution as products of blocks: which bytes of a channels-last image a block of output pixels
// reads, and the weights in the order in which it meets them.
//
// Output pixels are rows that lie `row_stride` bytes apart. What a row reads is a few segments of
// neighbouring bytes: all taps of one kernel row where the kernel is dense, else the channels of one tap.
// Segments are cut into steps of one size, a multiple of 4 and at most 64 bytes: the depth of one tile. Where
// a segment is no multiple of a step the last step begins earlier, and its weights for what was counted
// before are 0.
//
// Images that are padded, or whose strides skip lines, are staged: copied with their padding, lines of one
// remainder modulo the vertical stride together, so that the rows of all lines follow each other. Rows at the
// ends of staged lines are computed and not stored.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/kernels/simd/image_window.h"

namespace lathe::simd {

/// Sizes in bytes are sizes in elements: both are 8 bit.
struct QuantizedGeometry : ImageWindow {
  static constexpr int64_t step_limit = 64;

  int64_t batch = 0, channels = 0, out_channels = 0;

  bool staged = false;
  int64_t line_width = 0;           ///< pixels of a staged line, padding included
  int64_t plane_lines = 0;          ///< staged lines of one remainder
  std::vector<int64_t> remainders;  ///< modulo stride_y, of the lines that are read: planes, in this order

  int64_t row_stride = 0;     ///< bytes from an output pixel's data to the next one's
  int64_t rows_per_line = 0;  ///< rows from an output line's first to the next one's
  int64_t rows = 0;           ///< of one image
  int64_t segment_bytes = 0, step_bytes = 0, steps_per_segment = 0;
  std::vector<int64_t> steps;  ///< where each step begins, from a row's first byte

  int64_t depth() const { return channels * taps(); }
  size_t staged_bytes() const;  ///< of one image; 0 where it is read as it lies
  /// Byte of kernel tap (u, v) from a row's first byte.
  int64_t tap_offset(int64_t u, int64_t v) const;
};

/// Of a convolution of lines or images in one group; nothing for others.
std::optional<QuantizedGeometry> describe_quantized(const ConvGeometry& conv);
/// Copies lines [first, last) of all planes, those of the padding as `padding`.
void stage_lines(const QuantizedGeometry& geometry, const uint8_t* image, uint8_t padding, int64_t first,
                 int64_t last, uint8_t* staged);

/// Weights in columns of 16 output channels: [column][step][step_bytes / 4][16][4].
struct QuantizedPanels {
  static constexpr int64_t column = 16;
  int64_t steps = 0, step_bytes = 0;
  Buffer stored;

  int64_t column_bytes() const { return steps * step_bytes * column; }
  const int8_t* column_of(int64_t i) const {
    return reinterpret_cast<const int8_t*>(stored.data()) + i * column_bytes();
  }
};

/// `weights` is [out_channels, channels, kernel_height, kernel_width].
Result<QuantizedPanels> pack_quantized(const QuantizedGeometry& geometry, const int8_t* weights);

}  // namespace lathe::simd
