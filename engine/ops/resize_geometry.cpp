// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/resize_geometry.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/operand.h"

namespace lathe {
namespace {

template <class T>
using Choices = std::initializer_list<std::pair<std::string_view, T>>;

template <class T>
Status choose(const Node& node, const char* attribute, const std::string& text, Choices<T> choices, T& out) {
  for (const auto& [name, value] : choices)
    if (name == text) {
      out = value;
      return {};
    }
  return node_error(node, std::string(attribute) + " is '" + text + "', which is not known");
}

using S = ResizeSettings;

Status read_axes(const Node& node, size_t rank, std::vector<int64_t>& axes) {
  axes = node.attributes.get_ints("axes");
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), int64_t{0});
  }
  std::vector<bool> seen(rank, false);
  for (int64_t& axis : axes) {
    const auto normal = normalize_axis(axis, rank);
    if (!normal || seen[static_cast<size_t>(*normal)])
      return node_error(node, "axes names " + std::to_string(axis) + " twice or beyond the input's rank");
    axis = *normal;
    seen[static_cast<size_t>(axis)] = true;
  }
  return {};
}

}  // namespace

Result<ResizeSettings> read_resize(const Node& node, size_t rank) {
  ResizeSettings settings;
  const Attributes& attributes = node.attributes;
  LATHE_TRY(choose<S::Mode>(node, "mode", attributes.get_string("mode", "nearest"),
                            {{"nearest", S::Mode::nearest},
                             {"linear", S::Mode::linear},
                             {"bilinear", S::Mode::linear},
                             {"cubic", S::Mode::cubic}},
                            settings.mode));
  LATHE_TRY(read_axes(node, rank, settings.axes));
  if (node.op_type == "Upsample" || node.version < 11) {
    settings.coordinates = S::Coordinates::asymmetric;
    settings.nearest = S::Nearest::floor;
    return settings;
  }
  LATHE_TRY(choose<S::Coordinates>(node, "coordinate_transformation_mode",
                                   attributes.get_string("coordinate_transformation_mode", "half_pixel"),
                                   {{"half_pixel", S::Coordinates::half_pixel},
                                    {"half_pixel_symmetric", S::Coordinates::half_pixel_symmetric},
                                    {"pytorch_half_pixel", S::Coordinates::pytorch_half_pixel},
                                    {"align_corners", S::Coordinates::align_corners},
                                    {"asymmetric", S::Coordinates::asymmetric},
                                    {"tf_crop_and_resize", S::Coordinates::tf_crop_and_resize},
                                    {"tf_half_pixel_for_nn", S::Coordinates::tf_half_pixel_for_nn}},
                                   settings.coordinates));
  LATHE_TRY(choose<S::Nearest>(node, "nearest_mode",
                               attributes.get_string("nearest_mode", "round_prefer_floor"),
                               {{"round_prefer_floor", S::Nearest::round_prefer_floor},
                                {"round_prefer_ceil", S::Nearest::round_prefer_ceil},
                                {"floor", S::Nearest::floor},
                                {"ceil", S::Nearest::ceil}},
                               settings.nearest));
  LATHE_TRY(choose<S::AspectRatio>(node, "keep_aspect_ratio_policy",
                                   attributes.get_string("keep_aspect_ratio_policy", "stretch"),
                                   {{"stretch", S::AspectRatio::stretch},
                                    {"not_larger", S::AspectRatio::not_larger},
                                    {"not_smaller", S::AspectRatio::not_smaller}},
                                   settings.aspect_ratio));
  settings.antialias = attributes.get_int("antialias", 0) != 0;
  settings.exclude_outside = attributes.get_int("exclude_outside", 0) != 0;
  settings.cubic_a = attributes.get_float("cubic_coeff_a", -0.75f);
  settings.extrapolation = attributes.get_float("extrapolation_value", 0);
  return settings;
}

int64_t scaled_size(int64_t input, float scale) {
  // In f32, as exporters and other runtimes compute it: 10 * 0.7 is 7 there.
  const float size = std::floor(static_cast<float>(input) * scale);
  return size >= 0 && size < 0x1p62f ? static_cast<int64_t>(size) : -1;
}

namespace {

Status size_by_sizes(const Node& node, const ResizeSettings& settings, std::span<const int64_t> sizes,
                     std::vector<ResizeAxis>& resized) {
  for (const int64_t size : sizes)
    if (size < 0 || size > (int64_t{1} << 40))
      return node_error(node, "asks for an output size of " + std::to_string(size));
  double common = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    ResizeAxis& axis = resized[static_cast<size_t>(settings.axes[i])];
    axis.output = sizes[i];
    axis.scale = axis.input == 0 ? 1 : static_cast<double>(sizes[i]) / static_cast<double>(axis.input);
    const bool smaller = settings.aspect_ratio == S::AspectRatio::not_larger;
    common = i == 0 ? axis.scale : smaller ? std::min(common, axis.scale) : std::max(common, axis.scale);
  }
  if (settings.aspect_ratio == S::AspectRatio::stretch) return {};
  for (const int64_t index : settings.axes) {
    ResizeAxis& axis = resized[static_cast<size_t>(index)];
    axis.scale = common;
    axis.output = static_cast<int64_t>(std::floor(common * static_cast<double>(axis.input) + 0.5));
  }
  return {};
}

}  // namespace

Result<std::vector<ResizeAxis>> resolve_resize(const Node& node, const ResizeSettings& settings,
                                               const Shape& input, std::span<const float> scales,
                                               std::span<const int64_t> sizes, std::span<const float> roi) {
  const size_t count = settings.axes.size();
  if (scales.empty() == sizes.empty() && !input.empty())
    return node_error(node, scales.empty() ? "needs scales or sizes" : "has both scales and sizes");
  if ((!scales.empty() && scales.size() != count) || (!sizes.empty() && sizes.size() != count))
    return node_error(node, "needs " + std::to_string(count) + " scales or sizes");
  const bool crop = settings.coordinates == S::Coordinates::tf_crop_and_resize;
  if (crop && roi.size() != 2 * count)
    return node_error(node, "needs a roi of " + std::to_string(2 * count) + " numbers");
  std::vector<ResizeAxis> resized(input.size());
  for (size_t i = 0; i < input.size(); ++i) resized[i].input = resized[i].output = input[i];
  if (crop)
    for (size_t i = 0; i < count; ++i) {
      ResizeAxis& axis = resized[static_cast<size_t>(settings.axes[i])];
      axis.roi_start = roi[i];
      axis.roi_end = roi[count + i];
    }
  LATHE_TRY(size_by_sizes(node, settings, sizes, resized));
  for (size_t i = 0; i < scales.size(); ++i) {
    ResizeAxis& axis = resized[static_cast<size_t>(settings.axes[i])];
    if (!(scales[i] > 0) || !std::isfinite(scales[i]))
      return node_error(node, "has a scale of " + std::to_string(scales[i]) + ", which is not positive");
    axis.scale = scales[i];
    const float factor = crop ? scales[i] * static_cast<float>(axis.roi_end - axis.roi_start) : scales[i];
    axis.output = scaled_size(axis.input, factor);
    if (axis.output < 0) return node_error(node, "scales an axis beyond all bounds");
  }
  for (const ResizeAxis& axis : resized)
    if (axis.input == 0 && axis.output > 0) return node_error(node, "cannot enlarge an axis of size 0");
  return resized;
}

namespace {

/// Where output o lies among the inputs. Real is float for nearest, where other runtimes' rounding decides
/// ties.
template <class Real>
Real original_coordinate(const ResizeSettings& settings, const ResizeAxis& axis, int64_t o) {
  const auto x = static_cast<Real>(o), scale = static_cast<Real>(axis.scale),
             input = static_cast<Real>(axis.input);
  const auto output = static_cast<Real>(axis.output), half = Real(0.5);
  switch (settings.coordinates) {
    case S::Coordinates::half_pixel:
      return (x + half) / scale - half;
    case S::Coordinates::half_pixel_symmetric: {
      const Real offset = input / 2 * (1 - output / (scale * input));
      return offset + (x + half) / scale - half;
    }
    case S::Coordinates::pytorch_half_pixel:
      return axis.output > 1 ? (x + half) / scale - half : Real(0);
    case S::Coordinates::align_corners: {
      // By the fractional length, as ONNX's own test data has it.
      const Real length = scale * input;
      return axis.output <= 1 || length <= 1 ? Real(0) : x * (input - 1) / (length - 1);
    }
    case S::Coordinates::asymmetric:
      return x / scale;
    case S::Coordinates::tf_half_pixel_for_nn:
      return (x + half) / scale;
    case S::Coordinates::tf_crop_and_resize: {
      const auto start = static_cast<Real>(axis.roi_start), end = static_cast<Real>(axis.roi_end);
      if (axis.output <= 1) return half * (start + end) * (input - 1);
      return start * (input - 1) + x * (end - start) * (input - 1) / (output - 1);
    }
  }
  return x;
}

int64_t nearest_index(S::Nearest mode, float x) {
  switch (mode) {
    case S::Nearest::round_prefer_floor:
      return static_cast<int64_t>(std::ceil(x - 0.5f));
    case S::Nearest::round_prefer_ceil:
      return static_cast<int64_t>(std::floor(x + 0.5f));
    case S::Nearest::floor:
      return static_cast<int64_t>(std::floor(x));
    case S::Nearest::ceil:
      return static_cast<int64_t>(std::ceil(x));
  }
  return 0;
}

/// Interpolation filter at distance x.
double filter(const ResizeSettings& settings, double x) {
  x = std::abs(x);
  if (settings.mode == S::Mode::linear) return std::max(0.0, 1 - x);
  const double a = settings.cubic_a;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0.0;
}

void interpolate(const ResizeSettings& settings, const ResizeAxis& axis, double x,
                 std::vector<ResizeTaps::Tap>& taps) {
  const double stretch = settings.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double reach = (settings.mode == S::Mode::linear ? 1 : 2) / stretch;
  const size_t start = taps.size();
  double sum = 0;
  for (double i = std::floor(x - reach) + 1; i < x + reach; ++i) {
    const double weight = filter(settings, (i - x) * stretch);
    const bool outside = i < 0 || i >= static_cast<double>(axis.input);
    if (weight == 0 || (outside && settings.exclude_outside)) continue;
    const auto clamped = static_cast<int64_t>(std::clamp(i, 0.0, static_cast<double>(axis.input - 1)));
    taps.push_back({clamped, weight});
    sum += weight;
  }
  if (sum == 0) return;
  for (size_t i = start; i < taps.size(); ++i) taps[i].weight /= sum;
}

}  // namespace

ResizeTaps make_taps(const ResizeSettings& settings, const ResizeAxis& axis) {
  ResizeTaps out;
  const auto last = static_cast<double>(axis.input - 1);
  for (int64_t o = 0; o < axis.output; ++o) {
    // Coordinates of absurd settings stay where int64 can hold them.
    const double x = std::clamp(original_coordinate<double>(settings, axis, o), -0x1p40, 0x1p40);
    const bool extrapolated =
        settings.coordinates == S::Coordinates::tf_crop_and_resize && (x < 0 || x > last);
    if (!extrapolated && settings.mode == S::Mode::nearest) {
      const float nearest = std::clamp(original_coordinate<float>(settings, axis, o), -0x1p40f, 0x1p40f);
      out.taps.push_back(
          {std::clamp<int64_t>(nearest_index(settings.nearest, nearest), 0, axis.input - 1), 1.0});
    } else if (!extrapolated) {
      interpolate(settings, axis, std::isnan(x) ? 0.0 : x, out.taps);
    }
    out.first.push_back(out.taps.size());
  }
  return out;
}

}  // namespace lathe
