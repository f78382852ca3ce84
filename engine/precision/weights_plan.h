// SPDX-License-Identifier: Apache-2.0
// Which nodes have their constant weights stored in 8 or 4 bits, and why others have not. Changes nothing.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "engine/precision/weights_only.h"

namespace lathe {

/// About one MatMul, Gemm or Conv, or one Gather of a constant table.
struct WeightDecision {
  NodeId node;
  WeightForm form = WeightForm::full;  ///< int8 or int4: the weights are stored so
  int64_t block_size = 0;              ///< of int4
  ValueId weights;                     ///< the initializer; consumers may read it through Identity
  size_t axis = 0;                     ///< of the weights, with a scale per position in int8
  bool table = false;                  ///< of a Gather
  std::string rule, reason;
};

/// Why the constant table that a Gather picks from does not stand in 8 bit in int8 models: rule and sentence;
/// nothing where it does.
std::optional<std::pair<std::string, std::string>> unfit_table(const Graph& graph, const Node& gather);

/// In topological order. Errors: a cycle.
Result<std::vector<WeightDecision>> plan_weights(const Model& model, const WeightsRequest& request);

}  // namespace lathe
