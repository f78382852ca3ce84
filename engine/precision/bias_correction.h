// SPDX-License-Identifier: Apache-2.0
// Rounded weights shift the mean of what a product gives; its bias takes that back.
#pragma once

#include "engine/precision/channel_statistics.h"
#include "engine/precision/int8_plan.h"

namespace lathe {

/// A constant input of a node that is added, one f32 number per channel.
struct BiasPlace {
  NodeId node;
  size_t input = 0;
};
/// The numbers; null where they are not constant or no vector.
const Tensor* bias_at(const Graph& graph, const BiasPlace& place);
/// That of a product: its own, or that of the Add behind a MatMul; nothing where it has none.
std::optional<BiasPlace> bias_of(const Graph& graph, const Node& product);
/// By a new constant: others may read the old one.
void add_to_bias(GraphEditor& editor, const BiasPlace& place, std::span<const double> added);

/// What rounding the weights adds to each output channel when the input channels have these means:
/// sum of (rounded - weights) * mean. `axis` is that of output channels; `groups` of a convolution.
Result<std::vector<double>> rounding_shift(const Tensor& weights, size_t axis,
                                           const std::vector<double>& means, int64_t groups);

/// The data of all 8-bit products, for channel_statistics.
ChannelAxes product_inputs(const Graph& graph, const Int8Plan& plan);

/// Takes the shift off the biases (of Conv and Gemm; of the Add behind a MatMul) of all 8-bit products whose
/// data has statistics. Returns how many; ids and shapes stay, so that the plan stays right.
Result<size_t> correct_biases(Graph& graph, const Int8Plan& plan, const ChannelCalibration& statistics);

}  // namespace lathe
