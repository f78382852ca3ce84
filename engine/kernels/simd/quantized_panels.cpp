// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/quantized_panels.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace lathe::simd {
namespace {

constexpr int64_t quad = 4;  ///< bytes that one lane of a product takes

int64_t ceil_to(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Lines of an image whose rows follow each other without gaps, and that no step reads beyond.
bool lies_ready(const ConvGeometry& conv) {
  return conv.window.pointwise() && conv.channels % quad == 0;
}

void place_rows(QuantizedGeometry& g) {
  if (!g.staged) {
    g.row_stride = g.channels;
    g.rows_per_line = g.out_width;
  } else {
    g.line_width =
        ceil_to((g.out_width - 1) * g.stride_x + (g.kernel_width - 1) * g.dilation_x + 1, g.stride_x);
    g.plane_lines = g.out_height + (g.kernel_height - 1) * g.dilation_y / g.stride_y;
    for (int64_t u = 0; u < g.kernel_height; ++u) {
      const int64_t remainder = u * g.dilation_y % g.stride_y;
      if (std::find(g.remainders.begin(), g.remainders.end(), remainder) == g.remainders.end())
        g.remainders.push_back(remainder);
    }
    g.row_stride = g.stride_x * g.channels;
    g.rows_per_line = g.line_width / g.stride_x;
  }
  g.rows = (g.out_height - 1) * g.rows_per_line + g.out_width;
}

void place_steps(QuantizedGeometry& g) {
  const bool dense = g.dilation_x == 1;
  g.segment_bytes = dense ? g.kernel_width * g.channels : g.channels;
  g.steps_per_segment = (g.segment_bytes + QuantizedGeometry::step_limit - 1) / QuantizedGeometry::step_limit;
  g.step_bytes = ceil_to((g.segment_bytes + g.steps_per_segment - 1) / g.steps_per_segment, quad);
  for (int64_t u = 0; u < g.kernel_height; ++u)
    for (int64_t v = 0; v < (dense ? 1 : g.kernel_width); ++v)
      for (int64_t i = 0; i < g.steps_per_segment; ++i) {
        const int64_t latest = std::max<int64_t>(0, g.segment_bytes - g.step_bytes);
        g.steps.push_back(g.tap_offset(u, v) + std::min(i * g.step_bytes, latest));
      }
}

/// Copies one line of the image to where its left edge lies, and fills what is beside it.
void stage_line(const QuantizedGeometry& g, const uint8_t* from, uint8_t padding, uint8_t* to) {
  const int64_t left = std::min(g.pad_left, g.line_width);
  const int64_t copied = std::clamp<int64_t>(g.line_width - left, 0, g.width);
  std::memset(to, padding, static_cast<size_t>(left * g.channels));
  std::memcpy(to + left * g.channels, from, static_cast<size_t>(copied * g.channels));
  std::memset(to + (left + copied) * g.channels, padding,
              static_cast<size_t>((g.line_width - left - copied) * g.channels));
}

}  // namespace

size_t QuantizedGeometry::staged_bytes() const {
  if (!staged) return 0;
  // A step may read beyond the last pixel, where its weights are 0.
  return static_cast<size_t>(static_cast<int64_t>(remainders.size()) * plane_lines * line_width * channels +
                             2 * step_limit);
}

int64_t QuantizedGeometry::tap_offset(int64_t u, int64_t v) const {
  if (!staged) return 0;
  const int64_t line = u * dilation_y;
  const auto plane = std::find(remainders.begin(), remainders.end(), line % stride_y) - remainders.begin();
  return ((plane * plane_lines + line / stride_y) * line_width + v * dilation_x) * channels;
}

std::optional<QuantizedGeometry> describe_quantized(const ConvGeometry& conv) {
  const auto window = image_window(conv);
  if (!window || conv.groups != 1) return std::nullopt;
  QuantizedGeometry g{*window};
  g.batch = conv.batch;
  g.channels = conv.channels;
  g.out_channels = conv.out_channels;
  g.staged = !lies_ready(conv);
  place_rows(g);
  place_steps(g);
  return g;
}

void stage_lines(const QuantizedGeometry& g, const uint8_t* image, uint8_t padding, int64_t first,
                 int64_t last, uint8_t* staged) {
  const int64_t line_bytes = g.line_width * g.channels;
  for (size_t plane = 0; plane < g.remainders.size(); ++plane)
    for (int64_t line = first; line < last; ++line) {
      uint8_t* to = staged + (static_cast<int64_t>(plane) * g.plane_lines + line) * line_bytes;
      const int64_t y = line * g.stride_y + g.remainders[plane] - g.pad_top;
      if (y < 0 || y >= g.height)
        std::memset(to, padding, static_cast<size_t>(line_bytes));
      else
        stage_line(g, image + y * g.width * g.channels, padding, to);
    }
}

namespace {

/// One output channel's weights as the steps meet them: what was counted before, or lies beyond, is 0.
void order_weights(const QuantizedGeometry& g, const int8_t* weights, std::span<int8_t> tap_by_tap,
                   std::span<int8_t> stepwise) {
  const int64_t taps = g.taps();
  for (int64_t tap = 0; tap < taps; ++tap) {
    int8_t* to = tap_by_tap.data() + tap * g.channels;
    for (int64_t c = 0; c < g.channels; ++c) to[c] = weights[c * taps + tap];
  }
  const int64_t latest = std::max<int64_t>(0, g.segment_bytes - g.step_bytes);
  int8_t* to = stepwise.data();
  const int8_t* segment = tap_by_tap.data();
  for (size_t s = 0; s < g.steps.size(); s += static_cast<size_t>(g.steps_per_segment)) {
    for (int64_t i = 0; i < g.steps_per_segment; ++i, to += g.step_bytes) {
      const int64_t begin = i * g.step_bytes, counted = begin - std::min(begin, latest);
      const int64_t present = std::min(g.step_bytes - counted, g.segment_bytes - begin);
      std::memset(to, 0, static_cast<size_t>(g.step_bytes));
      std::memcpy(to + counted, segment + begin, static_cast<size_t>(present));
    }
    segment += g.segment_bytes;
  }
}

}  // namespace

Result<QuantizedPanels> pack_quantized(const QuantizedGeometry& g, const int8_t* weights) {
  const int64_t columns = (g.out_channels + QuantizedPanels::column - 1) / QuantizedPanels::column;
  QuantizedPanels made{static_cast<int64_t>(g.steps.size()), g.step_bytes, {}};
  LATHE_ASSIGN(made.stored, Buffer::allocate_lasting(static_cast<size_t>(columns * made.column_bytes())));
  auto* to = reinterpret_cast<int8_t*>(made.stored.mutable_data());
  std::vector<int8_t> tap_by_tap(static_cast<size_t>(g.depth())),
      stepwise(static_cast<size_t>(made.steps * g.step_bytes));
  for (int64_t o = 0; o < columns * QuantizedPanels::column; ++o) {
    if (o < g.out_channels)
      order_weights(g, weights + o * g.depth(), tap_by_tap, stepwise);
    else
      std::fill(stepwise.begin(), stepwise.end(), int8_t{0});
    int8_t* quads =
        to + o / QuantizedPanels::column * made.column_bytes() + o % QuantizedPanels::column * quad;
    for (size_t k = 0; k < stepwise.size(); k += quad, quads += QuantizedPanels::column * quad)
      std::memcpy(quads, stepwise.data() + k, quad);
  }
  return made;
}

}  // namespace lathe::simd
