// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/pointwise_product.h"

#include <algorithm>
#include <numeric>
#include <omp.h>
#include <utility>

namespace lathe::simd {
namespace {

constexpr int64_t few_pixels = 64;

}  // namespace

bool streams_weights(const ConvGeometry& conv) {
  constexpr int64_t least_pixels = 16, cached_weights = 256 << 10;
  const int64_t pixels = conv.batch * element_count(conv.window.output);
  return pixels >= least_pixels && pixels <= few_pixels &&
         conv.channels * conv.out_channels * conv.kernel_count() > cached_weights;
}

PointwiseProduct::PointwiseProduct(PointwiseWeights weights, const BlockedConv& conv, bool accumulate)
    : weights_(std::move(weights)),
      batch_(conv.conv.batch),
      pixels_(element_count(conv.conv.window.output)),
      activation_(conv.activation),
      accumulate_(accumulate),
      threads_(omp_get_max_threads()) {
  // So many pixels that what they read stays in the second-level cache from panel to panel, and where there
  // are few tasks, that every thread has as many.
  constexpr int64_t most_floats = 128 << 10, many_rounds = 8;
  const int64_t panels = batch_ * weights_.panels();
  int64_t groups = (pixels_ * weights_.depth() + most_floats - 1) / most_floats;
  // Few pixels are not worth fetching the weights for again.
  if (pixels_ <= few_pixels) groups = 1;
  if (groups * panels < many_rounds * threads_) groups *= threads_ / std::gcd(groups * panels, threads_);
  pixels_a_group_ = (pixels_ + groups - 1) / groups;
}

void PointwiseProduct::run(const float* x, float* y) const {
  const int64_t block = PointwiseWeights::block;
  const int64_t groups = (pixels_ + pixels_a_group_ - 1) / pixels_a_group_, panels = weights_.panels();
  const int64_t in_image = (weights_.channels + block - 1) / block * block * pixels_,
                out_image = weights_.out_blocks() * block * pixels_;
#pragma omp parallel for schedule(static) num_threads(threads_)
  for (int64_t i = 0; i < batch_ * groups * panels; ++i) {
    const int64_t image = i / panels / groups;
    PointwiseTask task;
    task.weights = &weights_;
    task.x = x + image * in_image;
    task.y = y + image * out_image;
    task.pixels = pixels_;
    task.first = i / panels % groups * pixels_a_group_;
    task.last = std::min(pixels_, task.first + pixels_a_group_);
    task.panel = i % panels;
    task.accumulate = accumulate_;
    task.activation = activation_;
    multiply_pointwise(task);
  }
}

}  // namespace lathe::simd
