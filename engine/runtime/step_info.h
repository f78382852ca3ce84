// SPDX-License-Identifier: Apache-2.0
// Fills StepInfo from a node and the concrete types of its inputs and outputs.
#pragma once

#include <span>
#include <string>

#include "engine/kernels/kernel.h"
#include "engine/ops/operator.h"
#include "engine/runtime/observer.h"

namespace lathe {

/// Metadata key under which passes keep the names of the original nodes of a fused one, separated by
/// newlines.
inline constexpr const char* fused_nodes_key = "lathe.nodes";

StepInfo describe_step(const Node& node, const Operator& op, std::span<const TensorDesc> inputs,
                       std::span<const TensorDesc> outputs, std::string kernel);

}  // namespace lathe
