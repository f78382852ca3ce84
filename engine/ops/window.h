// SPDX-License-Identifier: Apache-2.0
// Geometry of sliding windows: what convolutions and poolings read from their attributes, with auto_pad
// resolved.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/graph/graph.h"

namespace lathe {

/// Per spatial axis, outermost first. Output position o reads input positions
/// o * strides - pads_begin + k * dilations for k in 0..kernel-1; those outside the input are padding.
struct Window {
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> pads_begin, pads_end;
  Shape output;  ///< spatial output sizes

  size_t rank() const { return kernel.size(); }
  /// Input positions spanned by the dilated kernel.
  int64_t extent(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
  bool padded() const;
  /// Kernel 1, stride 1 and no padding everywhere.
  bool pointwise() const;
};

/// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode. `kernel` is the weights' spatial
/// shape, or empty to take the attribute. Errors: sizes that disagree, are out of range or leave no room for
/// the kernel.
Result<Window> resolve_window(const Node& node, std::span<const int64_t> spatial,
                              std::span<const int64_t> kernel = {});

/// Spatial output sizes from symbolic input sizes, by the same rules.
Result<Dims> window_output(const Node& node, std::span<const Dim> spatial,
                           std::span<const int64_t> kernel = {});

/// A convolution of x [batch, channels, spatial..] with w [out_channels, channels / groups, kernel..].
struct ConvGeometry {
  int64_t batch = 0, channels = 0, out_channels = 0, groups = 1;
  Shape input;  ///< spatial input sizes
  Window window;
  Shape output;  ///< whole output shape

  int64_t group_channels() const { return channels / groups; }
  int64_t group_outputs() const { return out_channels / groups; }
  int64_t kernel_count() const { return element_count(window.kernel); }
  /// Multiply-adds counted as 2.
  int64_t flops() const;
};

Result<ConvGeometry> resolve_conv(const Node& node, const Shape& x, const Shape& w);
/// Output dims; unknown where x or w do not tell.
Result<Dims> conv_output(const Node& node, const Dims& x, const Dims& w);

/// A transposed convolution of x [batch, channels, spatial..] with w [channels, out_channels / groups,
/// kernel..]. In `window`, `output` holds the spatial output and pads are those cut from the full scatter.
Result<ConvGeometry> resolve_conv_transpose(const Node& node, const Shape& x, const Shape& w);
Result<Dims> conv_transpose_output(const Node& node, const Dims& x, const Dims& w);

}  // namespace lathe
