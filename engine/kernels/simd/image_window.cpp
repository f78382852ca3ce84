// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/image_window.h"

namespace lathe::simd {

std::optional<ImageWindow> image_window(const ConvGeometry& conv) {
  const Window& window = conv.window;
  const size_t rank = window.rank();
  if (rank < 1 || rank > 2) return std::nullopt;
  ImageWindow made;
  const size_t x = rank - 1;
  made.width = conv.input[x];
  made.out_width = window.output[x];
  made.kernel_width = window.kernel[x];
  made.stride_x = window.strides[x];
  made.dilation_x = window.dilations[x];
  made.pad_left = window.pads_begin[x];
  if (rank == 1) return made;
  made.height = conv.input[0];
  made.out_height = window.output[0];
  made.kernel_height = window.kernel[0];
  made.stride_y = window.strides[0];
  made.dilation_y = window.dilations[0];
  made.pad_top = window.pads_begin[0];
  return made;
}

}  // namespace lathe::simd
