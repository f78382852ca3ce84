// SPDX-License-Identifier: Apache-2.0
// Convolutions as products of whole images in blocks of channels with panels of weights.
#pragma once

#include "engine/kernels/simd/blocked_conv.h"
#include "engine/kernels/simd/pointwise.h"

namespace lathe::simd {

/// Whether so few pixels multiply so many weights that these come from memory, for one use. Measured beside
/// oneDNN's: fetching the next panel meanwhile is then worth a fifth.
bool streams_weights(const ConvGeometry& conv);

/// The product of a convolution's output pixels, shared out among threads.
class PointwiseProduct {
 public:
  /// `accumulate`: to what y holds.
  PointwiseProduct(PointwiseWeights weights, const BlockedConv& conv, bool accumulate);
  void run(const float* x, float* y) const;
  const PointwiseWeights& weights() const { return weights_; }

 private:
  PointwiseWeights weights_;
  int64_t batch_, pixels_, pixels_a_group_ = 0;
  Activation activation_;
  bool accumulate_;
  int threads_;
};

}  // namespace lathe::simd
