// SPDX-License-Identifier: Apache-2.0
// What Resize and Upsample of all versions ask for, brought to one form: how far each axis is scaled and
// which input elements, with which weights, make each output element.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/graph/graph.h"

namespace lathe {

/// The attributes, with the defaults of the node's version.
struct ResizeSettings {
  enum class Mode { nearest, linear, cubic };
  enum class Coordinates {
    half_pixel,
    half_pixel_symmetric,
    pytorch_half_pixel,
    align_corners,
    asymmetric,
    tf_crop_and_resize,
    tf_half_pixel_for_nn
  };
  enum class Nearest { round_prefer_floor, round_prefer_ceil, floor, ceil };
  enum class AspectRatio { stretch, not_larger, not_smaller };

  Mode mode = Mode::nearest;
  Coordinates coordinates = Coordinates::half_pixel;
  Nearest nearest = Nearest::round_prefer_floor;
  AspectRatio aspect_ratio = AspectRatio::stretch;
  bool antialias = false, exclude_outside = false;
  float cubic_a = -0.75f, extrapolation = 0;
  std::vector<int64_t> axes;  ///< normalised; those that scales, sizes and roi speak of
};

Result<ResizeSettings> read_resize(const Node& node, size_t rank);

struct ResizeAxis {
  int64_t input = 0, output = 0;
  double scale = 1;
  double roi_start = 0, roi_end = 1;  ///< tf_crop_and_resize
};

/// Exactly one of scales and sizes is not empty; roi may be empty. All by settings.axes. One ResizeAxis per
/// input axis.
Result<std::vector<ResizeAxis>> resolve_resize(const Node& node, const ResizeSettings& settings,
                                               const Shape& input, std::span<const float> scales,
                                               std::span<const int64_t> sizes, std::span<const float> roi);

/// The same for a Resize or Upsample of any version over `x`. `input` gives a constant input of the node, or
/// null where it is absent or not known (then its sizes are missing, which is an error).
Result<std::vector<ResizeAxis>> resize_axes(const Node& node, const ResizeSettings& settings, const Shape& x,
                                            const std::function<const Tensor*(size_t)>& input);

/// Output size of an axis scaled by a factor, as other runtimes round it.
int64_t scaled_size(int64_t input, float scale);

/// Weighted input elements of each output element along one axis: those of output o are taps[first[o] ..
/// first[o + 1]). No taps: the extrapolation value.
struct ResizeTaps {
  struct Tap {
    int64_t index;
    double weight;
  };
  std::vector<Tap> taps;
  std::vector<size_t> first{0};

  std::span<const Tap> at(int64_t output) const {
    const auto o = static_cast<size_t>(output);
    return std::span(taps).subspan(first[o], first[o + 1] - first[o]);
  }
};

ResizeTaps make_taps(const ResizeSettings& settings, const ResizeAxis& axis);

}  // namespace lathe
