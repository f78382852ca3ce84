// SPDX-License-Identifier: Apache-2.0
// Conv and lathe.FusedConv with 3x3 kernels and stride 1 on images in blocks of channels.
#include <algorithm>
#include <omp.h>

#include "engine/kernels/simd/blocked_conv.h"
#include "engine/kernels/simd/targets.h"
#include "engine/kernels/simd/winograd.h"

namespace lathe {
namespace simd {
namespace {

constexpr int64_t block = WinogradWeights::block;

class WinogradKernel final : public BlockedConvKernel {
 public:
  WinogradKernel(WinogradWeights weights, const KernelRequest& request, const ConvGeometry& conv,
                 const Activation& activation)
      : BlockedConvKernel("simd:conv:winograd", request),
        weights_(std::move(weights)),
        threads_(omp_get_max_threads()) {
    packed_bytes_ = weights_.stored.size();
    group_.height = conv.input[0];
    group_.width = conv.input[1];
    group_.out_height = conv.window.output[0];
    group_.out_width = conv.window.output[1];
    group_.pad_top = conv.window.pads_begin[0];
    group_.pad_left = conv.window.pads_begin[1];
    group_.activation = activation;
    tiles_ = conv.batch * group_.tile_rows() * group_.tile_columns();
    group_.weights = &weights_;
    share_out();
    scratch_bytes_ = static_cast<size_t>((together_ ? 1 : threads_) * group_.input_floats() +
                                         threads_ * group_.panel_floats()) *
                     sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    group_.x = reinterpret_cast<const float*>(arguments.inputs[0]);
    group_.residual =
        adds_residual() ? reinterpret_cast<const float*>(arguments.inputs[residual_input]) : nullptr;
    group_.y = reinterpret_cast<float*>(arguments.outputs[0]);
    auto* const scratch = reinterpret_cast<float*>(arguments.scratch);
    if (together_)
      run_together(scratch);
    else
      run_apart(scratch);
    return {};
  }

 private:
  /// So many tiles that the weights, transformed once for all of them, are used often, and that what they
  /// become stays in the second-level cache, or near it. Few tiles are worked on by all threads together.
  void share_out() {
    constexpr int64_t near_floats = 256 << 10, fewest = 55, most = 88, fewest_apart = 22;
    const int64_t floats_a_tile = WinogradTask::positions * block * (weights_.in_blocks() + 2);
    const int64_t tiles_wanted = std::clamp(near_floats / floats_a_tile, fewest, most);
    together_ = threads_ > 1 && tiles_ < threads_ * fewest_apart;
    int64_t groups = (tiles_ + tiles_wanted - 1) / tiles_wanted;
    if (!together_) groups = (groups + threads_ - 1) / threads_ * threads_;
    group_.count = (tiles_ + groups - 1) / groups;
  }

  int64_t groups() const { return (tiles_ + group_.count - 1) / group_.count; }
  WinogradTask group(int64_t i, float* inputs) const {
    WinogradTask made = group_;
    made.first = i * group_.count;
    made.count = std::min(group_.count, tiles_ - made.first);
    made.inputs = inputs;
    return made;
  }

  void run_apart(float* scratch) const {
    const int64_t floats = group_.input_floats() + group_.panel_floats();
#pragma omp parallel for schedule(static) num_threads(threads_)
    for (int64_t i = 0; i < groups(); ++i) {
      float* const own = scratch + omp_get_thread_num() * floats;
      const WinogradTask task = group(i, own);
      winograd_inputs(task, 0, weights_.in_blocks());
      winograd_panels(task, 0, weights_.panels(), own + group_.input_floats());
    }
  }

  void run_together(float* scratch) const {
#pragma omp parallel num_threads(threads_)
    for (int64_t i = 0; i < groups(); ++i) {
      const WinogradTask task = group(i, scratch);
      float* const own = scratch + group_.input_floats() + omp_get_thread_num() * group_.panel_floats();
#pragma omp for schedule(static)
      for (int64_t c = 0; c < weights_.in_blocks(); ++c) winograd_inputs(task, c, c + 1);
#pragma omp for schedule(static)
      for (int64_t p = 0; p < weights_.panels(); ++p) winograd_panels(task, p, p + 1, own);
    }
  }

  WinogradWeights weights_;
  WinogradTask group_;  ///< of the largest group; a run and a group add the rest
  int threads_;
  int64_t tiles_ = 0;
  bool together_ = false;
};

/// The transforms pay where what they make is used often enough.
bool pays(const ConvGeometry& conv) {
  int64_t tiles = conv.batch;
  for (const int64_t size : conv.window.output) tiles *= (size + WinogradTask::side - 1) / WinogradTask::side;
  return conv.channels >= block && conv.out_channels >= block && tiles >= 9;
}

bool is_3x3(const ConvGeometry& conv) {
  const std::vector<int64_t> ones{1, 1}, threes{3, 3};
  return conv.window.kernel == threes && conv.window.strides == ones && conv.window.dilations == ones;
}

Prepared prepare(const KernelRequest& request) {
  const auto read = read_blocked_conv(request, block);
  if (const auto* reason = std::get_if<Decline>(&read)) return *reason;
  const auto* blocked = std::get_if<BlockedConv>(&read);
  if (!is_3x3(blocked->conv)) return Decline{DeclineReason::attribute, "not a 3x3 kernel of stride 1"};
  if (!request.measured && !pays(blocked->conv))
    return Decline{DeclineReason::not_profitable, to_string(request.inputs[1].shape)};
  cap_targets();
  if (!winograd_suits()) return Decline{DeclineReason::instruction_set, "vectors narrower than a block"};
  auto weights =
      pack_winograd(blocked->conv.channels, blocked->conv.out_channels, blocked->weights, blocked->bias);
  if (!weights.ok()) return Decline{DeclineReason::provider_error, weights.error().text()};
  return std::make_unique<WinogradKernel>(std::move(*weights), request, blocked->conv, blocked->activation);
}

}  // namespace
}  // namespace simd

void register_winograd_conv(KernelRegistry& registry) {
  registry.add({"simd:conv:winograd", {"Conv", "lathe.FusedConv"}, simd::prepare});
}

}  // namespace lathe
