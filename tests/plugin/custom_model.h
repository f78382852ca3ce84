// SPDX-License-Identifier: Apache-2.0
// Small models with custom operators.
#pragma once

#include <memory>
#include <string>

#include "engine/graph/graph.h"
#include "engine/runtime/runnable.h"

namespace lathe {

/// y = 2 * MultiScaleDeformableAttention(Relu(value), levels of 2x2 and 1x1, location, weight); one head with
/// two channels, one query, one point a level. `batch` < 0: an open size named "batch".
std::shared_ptr<Model> attention_model(int64_t batch, bool align_corners = false);
/// Inputs of the model with a batch of 1: the levels hold 1 2 / 3 4 and 8 (ten times that in channel 1).
NamedValues attention_inputs(std::vector<float> locations, std::vector<float> weights);

/// y = domain.op(x) of `size` floats.
std::shared_ptr<Model> one_operator_model(const std::string& domain, const std::string& op, int64_t size);

}  // namespace lathe
