// SPDX-License-Identifier: Apache-2.0
// A convolution's window over images, or over lines, which are images of height 1.
#pragma once

#include <optional>

#include "engine/ops/window.h"

namespace lathe::simd {

struct ImageWindow {
  int64_t height = 1, width = 0, out_height = 1, out_width = 0;
  int64_t kernel_height = 1, kernel_width = 1, stride_y = 1, stride_x = 1;
  int64_t dilation_y = 1, dilation_x = 1, pad_top = 0, pad_left = 0;

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t pixels() const { return out_height * out_width; }
};

/// Nothing where there are more than two spatial axes, or none.
std::optional<ImageWindow> image_window(const ConvGeometry& conv);

}  // namespace lathe::simd
