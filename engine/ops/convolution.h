// SPDX-License-Identifier: Apache-2.0
// The loops of the reference convolutions, for any number of spatial axes.
#pragma once

#include "engine/ops/window.h"

namespace lathe {

/// y = conv(x, w) for A float, double or uint32_t (integers wrap, so it serves signed ones). Padding reads
/// zero.
template <class A>
void convolve(const ConvGeometry& conv, const A* x, const A* w, A* y);

/// y = transposed conv(x, w) for A float or double.
template <class A>
void convolve_transposed(const ConvGeometry& conv, const A* x, const A* w, A* y);

/// Adds bias[channel] to y [batch, channels, inner]; nothing when bias is null.
template <class A>
void add_channel_bias(A* y, const A* bias, int64_t batch, int64_t channels, int64_t inner) {
  if (bias == nullptr) return;
  for (int64_t row = 0; row < batch * channels; ++row)
    for (int64_t i = 0; i < inner; ++i) y[row * inner + i] += bias[row % channels];
}

}  // namespace lathe
