// SPDX-License-Identifier: Apache-2.0
// Conv and lathe.FusedConv with 1x1 kernels and stride 1 on images in blocks of channels.
#include <algorithm>
#include <numeric>
#include <omp.h>

#include "engine/kernels/blocked_layout.h"
#include "engine/kernels/simd/blocked_conv.h"
#include "engine/kernels/simd/pointwise.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

class PointwiseKernel final : public Kernel {
 public:
  PointwiseKernel(PointwiseWeights weights, const KernelRequest& request, const Activation& activation)
      : weights_(std::move(weights)), activation_(activation), threads_(omp_get_max_threads()) {
    const Shape &x = request.inputs[0].shape, &y = request.outputs[0].shape;
    name_ = "simd:conv:1x1";
    batch_ = x[0];
    pixels_ = x[2] * x[3];
    input_layouts_.assign(request.inputs.size(), {});
    input_layouts_[0] = blocked_channels_layout(ElementType::f32, x);
    output_layouts_.assign(1, blocked_channels_layout(ElementType::f32, y));
    consumed_.assign(request.inputs.size(), false);
    for (const size_t i : {size_t{1}, size_t{2}})
      if (i < request.inputs.size() && request.inputs[i].present()) consumed_[i] = true;
    if (residual_input < request.inputs.size() && request.inputs[residual_input].present()) {
      input_layouts_[residual_input] = output_layouts_[0];
      in_place_input_ = residual_input;
      in_place_required_ = true;
    }
    packed_bytes_ = weights_.stored.size();
    // So many pixels that what they read stays in the second-level cache from panel to panel, and where there
    // are few tasks, that every thread has as many.
    constexpr int64_t most_floats = 96 << 10, many_rounds = 8;
    const int64_t panels = batch_ * weights_.panels(), threads = threads_;
    int64_t groups = (pixels_ * weights_.depth() + most_floats - 1) / most_floats;
    if (groups * panels < many_rounds * threads) groups *= threads / std::gcd(groups * panels, threads);
    pixels_a_group_ = (pixels_ + groups - 1) / groups;
  }

  Status run(const KernelArguments& arguments) override {
    const int64_t block = PointwiseWeights::block;
    const int64_t groups = (pixels_ + pixels_a_group_ - 1) / pixels_a_group_, panels = weights_.panels();
    const int64_t in_image = (weights_.channels + block - 1) / block * block * pixels_,
                  out_image = weights_.out_blocks() * block * pixels_;
#pragma omp parallel for schedule(static) num_threads(threads_)
    for (int64_t i = 0; i < batch_ * groups * panels; ++i) {
      const int64_t image = i / panels / groups;
      PointwiseTask task;
      task.weights = &weights_;
      task.x = reinterpret_cast<const float*>(arguments.inputs[0]) + image * in_image;
      task.y = reinterpret_cast<float*>(arguments.outputs[0]) + image * out_image;
      task.pixels = pixels_;
      task.first = i / panels % groups * pixels_a_group_;
      task.last = std::min(pixels_, task.first + pixels_a_group_);
      task.panel = i % panels;
      task.accumulate = in_place_required_;
      task.activation = activation_;
      multiply_pointwise(task);
    }
    return {};
  }

 private:
  PointwiseWeights weights_;
  Activation activation_;
  int threads_;
  int64_t batch_ = 0, pixels_ = 0, pixels_a_group_ = 0;
};

/// Measured beside oneDNN's: it multiplies whole blocks of channels, also where part of one is padding, is
/// behind on small images unless each weight comes from memory, and its activations with exponentials take
/// longer.
bool pays(const ConvGeometry& conv, ActivationKind activation) {
  if (activation == ActivationKind::swish || activation == ActivationKind::sigmoid ||
      activation == ActivationKind::gelu || activation == ActivationKind::gelu_tanh)
    return true;
  constexpr int64_t small_image = 256, cached_weights = 256 << 10;
  const int64_t block = PointwiseWeights::block;
  const int64_t padded = (conv.channels + block - 1) / block * block;
  return (padded - conv.channels) * 10 >= padded || (element_count(conv.window.output) <= small_image &&
                                                     conv.channels * conv.out_channels <= cached_weights);
}

Prepared prepare(const KernelRequest& request) {
  const auto read = read_blocked_conv(request, PointwiseWeights::block);
  if (const auto* reason = std::get_if<Decline>(&read)) return *reason;
  const auto* blocked = std::get_if<BlockedConv>(&read);
  if (!blocked->conv.window.pointwise())
    return Decline{DeclineReason::attribute, "not a 1x1 kernel of stride 1"};
  if (!request.measured && !pays(blocked->conv, blocked->activation.kind))
    return Decline{DeclineReason::not_profitable, to_string(request.inputs[1].shape)};
  cap_targets();
  if (!pointwise_suits()) return Decline{DeclineReason::instruction_set, "vectors narrower than a block"};
  auto weights =
      pack_pointwise(blocked->conv.channels, blocked->conv.out_channels, blocked->weights, blocked->bias);
  if (!weights.ok()) return Decline{DeclineReason::provider_error, weights.error().text()};
  return std::make_unique<PointwiseKernel>(std::move(*weights), request, blocked->activation);
}

}  // namespace
}  // namespace simd

void register_pointwise_conv(KernelRegistry& registry) {
  registry.add({"simd:conv:1x1", {"Conv", "lathe.FusedConv"}, simd::prepare});
}

}  // namespace lathe
