// SPDX-License-Identifier: Apache-2.0
// Conv and lathe.FusedConv of few pixels with many weights, such as the last 3x3 kernels of a ResNet: what
// every window reads is gathered, then it is one product that streams the weights.
#include <cstring>
#include <omp.h>
#include <unistd.h>
#include <utility>

#include "engine/kernels/simd/pointwise_product.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

constexpr int64_t block = PointwiseWeights::block;

class GatheredKernel final : public BlockedConvKernel {
 public:
  GatheredKernel(const KernelRequest& request, const BlockedConv& conv, PointwiseWeights weights)
      : BlockedConvKernel("simd:conv:gathered", request),
        product_(std::move(weights), conv, adds_residual()),
        conv_(conv.conv),
        blocks_((conv_.channels + block - 1) / block),
        threads_(omp_get_max_threads()) {
    in_place_required_ = adds_residual();
    packed_bytes_ = product_.weights().stored.size();
    scratch_bytes_ = static_cast<size_t>(conv_.batch * conv_.kernel_count() * blocks_ * block *
                                         element_count(conv_.window.output)) *
                     sizeof(float);
  }

  Status run(const KernelArguments& arguments) override {
    const auto* x = reinterpret_cast<const float*>(arguments.inputs[0]);
    auto* gathered = reinterpret_cast<float*>(arguments.scratch);
    const int64_t taps = conv_.kernel_count(), pixels = element_count(conv_.window.output);
#pragma omp parallel for schedule(static) num_threads(threads_)
    for (int64_t i = 0; i < conv_.batch * taps * blocks_; ++i) {
      const int64_t image = i / blocks_ / taps, b = i % blocks_;
      gather(x + (image * blocks_ + b) * element_count(conv_.input) * block, i / blocks_ % taps,
             gathered + i * pixels * block);
    }
    product_.run(gathered, reinterpret_cast<float*>(arguments.outputs[0]));
    return {};
  }

 private:
  /// What every window has under one tap, of one block of channels; zeros in the padding.
  void gather(const float* x, int64_t tap, float* to) const {
    const Window& window = conv_.window;
    const auto at = [&](size_t axis, int64_t o, int64_t k) {
      return o * window.strides[axis] - window.pads_begin[axis] + k * window.dilations[axis];
    };
    for (int64_t row = 0; row < window.output[0]; ++row) {
      const int64_t y = at(0, row, tap / window.kernel[1]);
      for (int64_t column = 0; column < window.output[1]; ++column, to += block) {
        const int64_t from = at(1, column, tap % window.kernel[1]);
        const bool inside = y >= 0 && y < conv_.input[0] && from >= 0 && from < conv_.input[1];
        if (inside)
          std::memcpy(to, x + (y * conv_.input[1] + from) * block, block * sizeof(float));
        else
          std::memset(to, 0, block * sizeof(float));
      }
    }
  }

  PointwiseProduct product_;
  ConvGeometry conv_;
  int64_t blocks_;
  int threads_;
};

int64_t gathered_bytes(const ConvGeometry& conv) {
  return element_count(conv.window.output) * conv.kernel_count() * conv.channels *
         static_cast<int64_t>(sizeof(float));
}

/// Where what was gathered stays in the second-level cache while the weights pass.
bool pays(const ConvGeometry& conv) {
  return streams_weights(conv) && gathered_bytes(conv) <= ::sysconf(_SC_LEVEL2_CACHE_SIZE) / 2;
}

Prepared prepare(const KernelRequest& request) {
  constexpr int64_t most_bytes = int64_t{64} << 20;
  const auto read = read_blocked_conv(request, block);
  if (const auto* reason = std::get_if<Decline>(&read)) return *reason;
  const auto* blocked = std::get_if<BlockedConv>(&read);
  const ConvGeometry& conv = blocked->conv;
  if (conv.window.pointwise()) return Decline{DeclineReason::attribute, "nothing to gather"};
  if (request.measured ? gathered_bytes(conv) * conv.batch > most_bytes : !pays(conv))
    return Decline{DeclineReason::not_profitable, to_string(request.inputs[1].shape)};
  cap_targets();
  if (!pointwise_suits()) return Decline{DeclineReason::instruction_set, "vectors narrower than a block"};
  auto weights =
      pack_pointwise(conv.channels, conv.out_channels, conv.kernel_count(), blocked->weights, blocked->bias);
  if (!weights.ok()) return Decline{DeclineReason::provider_error, weights.error().text()};
  return std::make_unique<GatheredKernel>(request, *blocked, std::move(*weights));
}

}  // namespace
}  // namespace simd

void register_gathered_conv(KernelRegistry& registry) {
  registry.add({"simd:conv:gathered", {"Conv", "lathe.FusedConv"}, simd::prepare});
}

}  // namespace lathe
