// SPDX-License-Identifier: Apache-2.0
// Rounded weights shift the mean of what a product gives; its bias takes that back.
#pragma once

#include "engine/precision/channel_statistics.h"
#include "engine/precision/int8_plan.h"

namespace lathe {

/// What rounding the weights adds to each output channel when the input channels have these means:
/// sum of (rounded - weights) * mean. `axis` is that of output channels; `groups` of a convolution.
Result<std::vector<float>> rounding_shift(const Tensor& weights, size_t axis,
                                          const std::vector<double>& means, int64_t groups);

/// The data of all 8-bit products, for channel_statistics.
ChannelAxes product_inputs(const Graph& graph, const Int8Plan& plan);

/// Takes the shift off the biases (of Conv and Gemm; of the Add behind a MatMul) of all 8-bit products whose
/// data has statistics. Returns how many; ids and shapes stay, so that the plan stays right.
Result<size_t> correct_biases(Graph& graph, const Int8Plan& plan, const ChannelCalibration& statistics);

}  // namespace lathe
