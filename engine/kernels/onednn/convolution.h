// SPDX-License-Identifier: Apache-2.0
// What all convolution kernels share: oneDNN's description of a convolution.
#pragma once

#include "engine/kernels/onednn/common.h"
#include "engine/ops/window.h"

namespace lathe::onednn {

/// Weights as oneDNN groups them: [g, o/g, i/g, kernel..].
Shape grouped(const Shape& weights, int64_t groups);

/// Whether some window may lie in the padding alone.
bool window_in_padding(const Window& window);

struct ConvDescs {
  dnnl::memory::desc x, w, y;
  std::optional<dnnl::memory::desc> b;
};

/// Throws dnnl::error where no implementation takes it.
dnnl::convolution_forward::primitive_desc describe_conv(const ConvGeometry& conv, const ConvDescs& descs,
                                                        dnnl::algorithm algorithm,
                                                        const dnnl::primitive_attr& attributes);

}  // namespace lathe::onednn
