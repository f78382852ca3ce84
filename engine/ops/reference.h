// SPDX-License-Identifier: Apache-2.0
// Runs one node by its operator's reference kernel, outside any executor: constant folding, tests, eager
// fallback.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/ops/operator.h"

namespace lathe {

struct ReferenceOptions {
  /// Runs a sub-graph of the node; null: sub-graphs run by reference kernels too, captures through `lookup`.
  std::function<Result<std::vector<RuntimeValue>>(const Graph& body, std::vector<RuntimeValue> inputs)>
      run_subgraph;
  uint64_t seed = 0;
  /// Memory planned for outputs: output i is written there when type and shape agree with the tensor. May be
  /// empty.
  std::span<Tensor> planned;
};

/// Outputs in the node's order (absent ones: kind none). Errors are located at the node.
Result<std::vector<RuntimeValue>> run_reference(const Operator& op, const Node& node,
                                                std::span<const RuntimeValue* const> inputs,
                                                const ReferenceOptions& options = {});

}  // namespace lathe
