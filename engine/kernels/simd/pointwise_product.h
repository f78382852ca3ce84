// SPDX-License-Identifier: Apache-2.0
// Convolutions as products of whole images in blocks of channels with panels of weights.
#pragma once

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/blocked_conv.h"
#include "engine/kernels/simd/pointwise.h"
#include "engine/ops/window.h"

namespace lathe::simd {

/// Whether so few pixels multiply so many weights that these come from memory, for one use. Measured beside
/// oneDNN's: fetching the next panel meanwhile is then worth a fifth.
bool streams_weights(const ConvGeometry& conv);

/// The product of whole images, shared out among threads.
class PointwiseProduct {
 public:
  PointwiseProduct(PointwiseWeights weights, int64_t batch, int64_t pixels, const Activation& activation,
                   bool accumulate, int threads);
  void run(const float* x, float* y) const;
  const PointwiseWeights& weights() const { return weights_; }

 private:
  PointwiseWeights weights_;
  int64_t batch_, pixels_, pixels_a_group_ = 0;
  Activation activation_;
  bool accumulate_;
  int threads_;
};

/// Runs a PointwiseProduct: knows the layouts of Conv and lathe.FusedConv, and adds a residual in place.
class BlockedProductKernel : public Kernel {
 protected:
  BlockedProductKernel(std::string name, const KernelRequest& request, const BlockedConv& conv,
                       PointwiseWeights weights);
  PointwiseProduct product_;
};

}  // namespace lathe::simd
