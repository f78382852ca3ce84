// SPDX-License-Identifier: Apache-2.0
// Conv and lathe.FusedConv with 1x1 kernels and stride 1 on images in blocks of channels.
#include <utility>

#include "engine/kernels/simd/pointwise_product.h"
#include "engine/kernels/simd/targets.h"

namespace lathe {
namespace simd {
namespace {

class PointwiseKernel final : public BlockedConvKernel {
 public:
  PointwiseKernel(const KernelRequest& request, const BlockedConv& conv, PointwiseWeights weights)
      : BlockedConvKernel("simd:conv:1x1", request), product_(std::move(weights), conv, adds_residual()) {
    in_place_required_ = adds_residual();
    packed_bytes_ = product_.weights().stored.size();
  }

  Status run(const KernelArguments& arguments) override {
    product_.run(reinterpret_cast<const float*>(arguments.inputs[0]),
                 reinterpret_cast<float*>(arguments.outputs[0]));
    return {};
  }

 private:
  PointwiseProduct product_;
};

/// Measured beside oneDNN's: it multiplies whole blocks of channels, also where part of one is padding, is
/// behind on small images, and its activations with exponentials take longer.
bool pays(const ConvGeometry& conv, ActivationKind activation) {
  if (activation == ActivationKind::swish || activation == ActivationKind::sigmoid ||
      activation == ActivationKind::gelu || activation == ActivationKind::gelu_tanh)
    return true;
  constexpr int64_t small_image = 256, cached_weights = 256 << 10;
  const int64_t block = PointwiseWeights::block;
  const int64_t padded = (conv.channels + block - 1) / block * block;
  return streams_weights(conv) || (padded - conv.channels) * 10 >= padded ||
         (element_count(conv.window.output) <= small_image &&
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
      pack_pointwise(blocked->conv.channels, blocked->conv.out_channels, 1, blocked->weights, blocked->bias);
  if (!weights.ok()) return Decline{DeclineReason::provider_error, weights.error().text()};
  return std::make_unique<PointwiseKernel>(request, *blocked, std::move(*weights));
}

}  // namespace
}  // namespace simd

void register_pointwise_conv(KernelRegistry& registry) {
  registry.add({"simd:conv:1x1", {"Conv", "lathe.FusedConv"}, simd::prepare});
}

}  // namespace lathe
