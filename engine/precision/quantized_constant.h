// SPDX-License-Identifier: Apache-2.0
// Weights in 8 bit: symmetric, one scale per output channel.
#pragma once

#include <vector>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace lathe {

/// Of f32 weights, one per position along `axis`: the largest magnitude there becomes 127.
std::vector<float> channel_scales(const Tensor& weights, size_t axis);

/// As i8, -127..127.
Result<Tensor> rounded_weights(const Tensor& weights, size_t axis, const std::vector<float>& scales);

}  // namespace lathe
