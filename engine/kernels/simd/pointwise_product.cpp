// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/simd/pointwise_product.h"

#include <algorithm>
#include <numeric>
#include <omp.h>
#include <utility>

#include "engine/kernels/blocked_layout.h"

namespace lathe::simd {
namespace {

constexpr int64_t few_pixels = 64;

bool adds_residual(const KernelRequest& request) {
  return residual_input < request.inputs.size() && request.inputs[residual_input].present();
}

}  // namespace

bool streams_weights(const ConvGeometry& conv) {
  constexpr int64_t least_pixels = 16, cached_weights = 256 << 10;
  const int64_t pixels = conv.batch * element_count(conv.window.output);
  return pixels >= least_pixels && pixels <= few_pixels &&
         conv.channels * conv.out_channels * conv.kernel_count() > cached_weights;
}

PointwiseProduct::PointwiseProduct(PointwiseWeights weights, int64_t batch, int64_t pixels,
                                   const Activation& activation, bool accumulate, int threads)
    : weights_(std::move(weights)),
      batch_(batch),
      pixels_(pixels),
      activation_(activation),
      accumulate_(accumulate),
      threads_(threads) {
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

BlockedProductKernel::BlockedProductKernel(std::string name, const KernelRequest& request,
                                           const BlockedConv& conv, PointwiseWeights weights)
    : product_(std::move(weights), conv.conv.batch, element_count(conv.conv.window.output), conv.activation,
               adds_residual(request), omp_get_max_threads()) {
  name_ = std::move(name);
  input_layouts_.assign(request.inputs.size(), {});
  input_layouts_[0] = blocked_channels_layout(ElementType::f32, request.inputs[0].shape);
  output_layouts_.assign(1, blocked_channels_layout(ElementType::f32, request.outputs[0].shape));
  consumed_.assign(request.inputs.size(), false);
  for (const size_t i : {size_t{1}, size_t{2}})
    if (i < request.inputs.size() && request.inputs[i].present()) consumed_[i] = true;
  if (adds_residual(request)) {
    input_layouts_[residual_input] = output_layouts_[0];
    in_place_input_ = residual_input;
    in_place_required_ = true;
  }
  packed_bytes_ = product_.weights().stored.size();
}

}  // namespace lathe::simd
