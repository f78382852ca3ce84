// SPDX-License-Identifier: Apache-2.0
// GridSample of plain f32 images, bilinear or nearest. Where each position reads and with which weights is
// worked out once and serves all channels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/grid_sample.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cstdint>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// out[i] = the sum of weights[k][i] * plane[indices[k][i]]; what has weight 0 is not read into it. Row k of
/// both stands `stride` elements after the one before and is whole vectors long.
void sample_plane(const float* plane, const int32_t* indices, const float* weights, int64_t taps,
                  int64_t stride, int64_t count, float* out) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < taps; ++k) {
      const auto weight = hn::LoadU(d, weights + k * stride + i);
      const auto read = hn::GatherIndex(d, plane, hn::LoadU(di, indices + k * stride + i));
      sum = hn::MulAdd(weight, hn::IfThenElseZero(hn::Ne(weight, hn::Zero(d)), read), sum);
    }
    if (i + lanes <= count) {
      hn::StoreU(sum, d, out + i);
      continue;
    }
    float rest[hn::MaxLanes(d)];
    hn::StoreU(sum, d, rest);
    std::copy_n(rest, count - i, out + i);
  }
}

}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/kernels/kernel.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/unfit.h"

namespace lathe {
namespace simd {
namespace {

HWY_EXPORT(sample_plane);

struct GridSettings {
  bool nearest = false, border = false, align_corners = false;
};

/// Input positions along one axis with their weights; index -1 reads zero.
struct AxisTaps {
  std::array<int64_t, 2> index{};
  std::array<double, 2> weight{};
};

/// `normalised` runs from -1 to 1 over an axis of `size`.
AxisTaps axis_taps(const GridSettings& settings, int64_t length, double normalised) {
  const auto size = static_cast<double>(length);
  double x = settings.align_corners ? (normalised + 1) / 2 * (size - 1) : ((normalised + 1) * size - 1) / 2;
  x = std::isnan(x) ? -1 : std::clamp(x, -0x1p40, 0x1p40);
  if (settings.nearest) x = std::nearbyint(x);
  if (settings.border) x = std::clamp(x, 0.0, size - 1);
  const double floor = std::floor(x), t = x - floor;
  const auto resolve = [&](double position) {
    if (position >= 0 && position < size) return static_cast<int64_t>(position);
    return settings.border ? static_cast<int64_t>(std::clamp(position, 0.0, size - 1)) : int64_t{-1};
  };
  return {{resolve(floor), resolve(floor + 1)}, {1 - t, t}};
}

class GridSampleKernel final : public Kernel {
 public:
  GridSampleKernel(const Shape& x, int64_t positions, const GridSettings& settings)
      : batch_(x[0]),
        channels_(x[1]),
        height_(x[2]),
        width_(x[3]),
        positions_(positions),
        stride_((positions + unit - 1) / unit * unit),
        taps_(settings.nearest ? 1 : 4),
        settings_(settings) {
    name_ = "simd:grid_sample";
    scratch_bytes_ = static_cast<size_t>(batch_ * taps_ * stride_) * (sizeof(int32_t) + sizeof(float));
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    const auto* grid = reinterpret_cast<const float*>(arguments.inputs[1]);
    auto* y = reinterpret_cast<float*>(arguments.outputs[0]);
    auto* indices = reinterpret_cast<int32_t*>(arguments.scratch);
    auto* weights = reinterpret_cast<float*>(indices + batch_ * taps_ * stride_);
    const bool threads = batch_ * channels_ * positions_ > elements_worth_threads;
#pragma omp parallel if (threads)
    {
#pragma omp for schedule(static)
      for (int64_t i = 0; i < batch_ * stride_; ++i)
        find_taps(grid, i / stride_, i % stride_, indices, weights);
#pragma omp for schedule(static)
      for (int64_t plane = 0; plane < batch_ * channels_; ++plane) {
        const int64_t first = plane / channels_ * taps_ * stride_;
        HWY_DYNAMIC_DISPATCH(sample_plane)
        (x + plane * height_ * width_, indices + first, weights + first, taps_, stride_, positions_,
         y + plane * positions_);
      }
    }
    return {};
  }

 private:
  static constexpr int64_t unit = 64;  // whole vectors of every instruction set
  static constexpr int64_t elements_worth_threads = 1 << 13;

  void find_taps(const float* grid, int64_t image, int64_t position, int32_t* indices, float* weights) const {
    AxisTaps across{{-1, -1}, {}}, down = across;  // beyond the last position nothing is read
    if (position < positions_) {
      const float* at = grid + (image * positions_ + position) * 2;
      across = axis_taps(settings_, width_, static_cast<double>(at[0]));
      down = axis_taps(settings_, height_, static_cast<double>(at[1]));
    }
    for (int64_t k = 0; k < taps_; ++k) {
      const auto row = static_cast<size_t>(k / 2), column = static_cast<size_t>(k % 2);
      const int64_t to = (image * taps_ + k) * stride_ + position;
      const bool reads = down.index[row] >= 0 && across.index[column] >= 0;
      indices[to] = reads ? static_cast<int32_t>(down.index[row] * width_ + across.index[column]) : 0;
      weights[to] = reads ? static_cast<float>(down.weight[row] * across.weight[column]) : 0;
    }
  }

  int64_t batch_, channels_, height_, width_;
  int64_t positions_, stride_;  ///< of one image, and rounded up to whole vectors
  int64_t taps_;
  GridSettings settings_;
};

std::optional<GridSettings> settings_of(const Node& node) {
  GridSettings settings;
  const std::string mode = node.attributes.get_string("mode", "linear");
  const std::string padding = node.attributes.get_string("padding_mode", "zeros");
  settings.nearest = mode == "nearest";
  settings.border = padding == "border";
  settings.align_corners = node.attributes.get_int("align_corners", 0) != 0;
  if (!settings.nearest && mode != "linear" && mode != "bilinear") return std::nullopt;
  if (!settings.border && padding != "zeros") return std::nullopt;
  return settings;
}

Prepared prepare_grid_sample(const KernelRequest& request) {
  const TensorDesc &x = request.inputs[0], &grid = request.inputs[1], &y = request.outputs[0];
  for (const TensorDesc* tensor : {&x, &grid, &y})
    if (auto reason = unfit_tensor(*tensor, {ElementType::f32}, 4, 4)) return *reason;
  if (element_count(x.shape) > std::numeric_limits<int32_t>::max())
    return Decline{DeclineReason::shape, to_string(x.shape)};
  if (grid.shape != Shape{x.shape[0], y.shape[2], y.shape[3], 2})
    return Decline{DeclineReason::shape, to_string(grid.shape)};
  const auto settings = settings_of(*request.node);
  if (!settings) return Decline{DeclineReason::attribute, "mode or padding_mode"};
  cap_targets();
  return std::make_unique<GridSampleKernel>(x.shape, y.shape[2] * y.shape[3], *settings);
}

}  // namespace
}  // namespace simd

void register_grid_sample(KernelRegistry& registry) {
  registry.add({"simd:grid_sample", {"GridSample"}, simd::prepare_grid_sample});
}

}  // namespace lathe
#endif
