// SPDX-License-Identifier: Apache-2.0
// Fills StepInfo from a node and the concrete types of its inputs and outputs.
#pragma once

#include <span>
#include <string>

#include "engine/kernels/kernel.h"
#include "engine/ops/operator.h"
#include "engine/passes/pass.h"
#include "engine/runtime/observer.h"

namespace lathe {

StepInfo describe_step(const Node& node, const Operator& op, std::span<const TensorDesc> inputs,
                       std::span<const TensorDesc> outputs, std::string kernel);

}  // namespace lathe
