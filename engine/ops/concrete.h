// SPDX-License-Identifier: Apache-2.0
// Type inference of one node from actual values, for the executors.
#pragma once

#include <span>
#include <vector>

#include "engine/ops/operator.h"

namespace lathe {

struct ConcreteInference {
  std::vector<TypeInfo> outputs;    ///< unknown where the operator has no inference or data decides
  std::vector<bool> contents_read;  ///< inputs whose elements (not only shapes) the result depends on
};

/// `inputs` in the node's order; null or kind none for absent ones.
Result<ConcreteInference> infer_concrete(const Operator& op, const Node& node,
                                         std::span<const RuntimeValue* const> inputs);

}  // namespace lathe
