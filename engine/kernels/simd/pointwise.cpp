// SPDX-License-Identifier: Apache-2.0
// The vector code of 1x1 convolutions: a vector is a block of 16 output channels, a row a pixel.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/simd/pointwise.cpp"
#include <hwy/foreach_target.h>
// After foreach_target, as Highway wants it.
#include <algorithm>
#include <cstring>
#include <hwy/highway.h>

#include "engine/kernels/simd/activations-inl.h"
#include "engine/kernels/simd/panel-inl.h"
#include "engine/kernels/simd/pointwise.h"

HWY_BEFORE_NAMESPACE();
namespace lathe::simd::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t block = PointwiseWeights::block;
/// y = activation(y + bias) over rows of one block of channels.
template <class F>
void finish(const Activation& activation, const float* HWY_RESTRICT bias, float* HWY_RESTRICT y,
            int64_t rows) {
  const D d;
  const V shift = hn::LoadU(d, bias);
  for (int64_t r = 0; r < rows; ++r, y += block)
    hn::StoreU(F::of(d, hn::Add(hn::LoadU(d, y), shift), activation), d, y);
}

template <class F>
void multiply(const PointwiseTask& task) {
  const PointwiseWeights& weights = *task.weights;
  const int64_t step = task.pixels * block;
  const int64_t vectors = std::min<int64_t>(2, weights.out_blocks() - 2 * task.panel);
  BlockedRows rows{.x = task.x + task.first * block,
                   .x_step = step,
                   .y = task.y + 2 * task.panel * step + task.first * block,
                   .y_step = step,
                   .count = task.last - task.first};
  multiply_panel(rows, weights.panel_of(task.panel), weights.depth(), vectors, task.accumulate,
                 [&](float* y, int64_t count) HWY_ATTR {
                   for (int64_t v = 0; v < vectors; ++v)
                     finish<F>(task.activation, weights.bias_of(task.panel) + v * block, y + v * step, count);
                 });
}

void multiply_any(const PointwiseTask& task) {
  with_activation(task.activation.kind, [&]<class F>(F) { multiply<F>(task); });
}

bool suits() {
  return hn::Lanes(D()) == static_cast<size_t>(block);
}

}  // namespace
}  // namespace lathe::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lathe::simd {

namespace {

constexpr int64_t block = PointwiseWeights::block;

/// Some channels of one output channel: `from` is [channels][taps], `to` a column of [taps][a_tap][panel].
void pack_column(const std::byte* from, int64_t channels, int64_t taps, int64_t a_tap, float* to) {
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t tap = 0; tap < taps; ++tap, from += sizeof(float))
      std::memcpy(to + (tap * a_tap + c) * PointwiseWeights::panel, from, sizeof(float));
}

}  // namespace

HWY_EXPORT(multiply_any);
HWY_EXPORT(suits);

void multiply_pointwise(const PointwiseTask& task) {
  HWY_DYNAMIC_DISPATCH(multiply_any)(task);
}
bool pointwise_suits() {
  return HWY_DYNAMIC_DISPATCH(suits)();
}

Result<PointwiseWeights> pack_pointwise(int64_t channels, int64_t out_channels, int64_t taps,
                                        const std::byte* weights, const std::byte* bias) {
  const int64_t panel = PointwiseWeights::panel;
  const int64_t a_tap = taps == 1 ? channels : (channels + block - 1) / block * block;
  PointwiseWeights made{taps * a_tap, out_channels, {}};
  const auto floats = static_cast<size_t>(made.panels() * (made.depth() + 1) * panel);
  LATHE_ASSIGN(made.stored, Buffer::allocate_lasting(floats * sizeof(float)));
  auto* const to = reinterpret_cast<float*>(made.stored.mutable_data());
  const auto at = [&](int64_t o, int64_t c) {
    return weights + (o * channels + c) * taps * static_cast<int64_t>(sizeof(float));
  };
  const bool padded = taps * channels != made.depth() || out_channels % panel != 0;
#pragma omp parallel for schedule(static)
  for (int64_t p = 0; p < made.panels(); ++p) {
    float* const packed = to + p * made.depth() * panel;
    if (padded) std::fill_n(packed, made.depth() * panel, 0.0F);
    const int64_t last = std::min(out_channels, (p + 1) * panel);
    for (int64_t c = 0; c < channels; c += block)  // what is written stays in the first-level cache
      for (int64_t o = p * panel; o < last; ++o)
        pack_column(at(o, c), std::min(block, channels - c), taps, a_tap, packed + c * panel + o % panel);
  }
  float* const shift = to + made.panels() * made.depth() * panel;
  std::fill_n(shift, made.panels() * panel, 0.0F);
  if (bias != nullptr) std::memcpy(shift, bias, static_cast<size_t>(out_channels) * sizeof(float));
  return made;
}

}  // namespace lathe::simd
#endif
