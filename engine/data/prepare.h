// SPDX-License-Identifier: Apache-2.0
// From a raw array or image to what a model's input wants. Internal to data.
//
// Steps, in this order: layout, resize, repeat, (x * scale - mean) / std, pad, conversion to the input's
// element type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/data/image.h"
#include "engine/data/sample_source.h"
#include "engine/tensor/tensor.h"

namespace lathe {

enum class Layout : uint8_t { nchw, nhwc };

struct Resize {
  int64_t height = 0, width = 0;  ///< target, or
  int64_t shorter = 0,
          longer = 0;  ///< shorter side becomes this unless the longer would exceed `longer` (0: no limit)
  bool keep_aspect = false;  ///< with height and width: fit inside them
};
struct Pad {
  int64_t height = 0, width = 0;  ///< at least this, on the right and bottom
  int64_t multiple = 1;           ///< and to a multiple of this
  double value = 0;
};
struct Repeat {
  int64_t axis = 1, times = 1;
};
enum class Channels : uint8_t { rgb, bgr, grey };

struct Recipe {
  std::optional<Layout>
      layout;  ///< that the model wants; default: told from the input's axes, else as the data is
  std::optional<Layout> array_layout;  ///< that an array has; default: as `layout`
  std::optional<Resize> resize;
  std::optional<Repeat> repeat;
  std::optional<Pad> pad;
  double scale = 1;
  std::vector<double> mean, std;  ///< one number, or one per channel; empty: 0 and 1
  Channels channels = Channels::rgb;

  bool changes_values() const { return scale != 1 || !mean.empty() || !std.empty() || resize; }
  bool transposes() const { return layout && array_layout && layout != array_layout; }
  bool empty() const { return !changes_values() && !repeat && !pad && !transposes(); }
};

/// `raw` with its batch axis of 1. Errors name what does not fit, without the sample.
Result<Tensor> prepare_array(const Tensor& raw, const Recipe& recipe, ElementType type,
                             std::optional<ImageGeometry>& geometry);
Result<Tensor> prepare_image(const Image& image, const Recipe& recipe, const InputSpec& input,
                             std::optional<ImageGeometry>& geometry);

/// Numbers as `type`: to integers by rounding, to bool by "not zero". Errors: a value outside the range of
/// `type`.
Result<Tensor> convert_elements(const Tensor& tensor, ElementType type);

/// The layout that the axes of an input tell: channels are the axis of 1 or 3; nullopt where that is not
/// clear.
std::optional<Layout> layout_of(const InputSpec& input);

}  // namespace lathe
