// SPDX-License-Identifier: Apache-2.0
// Rewrites a model for a newer opset of ai.onnx: bf16 convolutions exist only from opset 22 on.
#pragma once

#include <string>

#include "engine/graph/graph.h"

namespace lathe {

struct OpsetLimit {
  int version = 0;      ///< the newest opset, up to the one wanted, that the model can be written in
  std::string blocker;  ///< "node 'x' (Op)" that stands against a newer one; empty when none does
};
OpsetLimit reachable_opset(const Model& model, int wanted);

/// Rewrites nodes whose form changed in between, bodies included. `version` must be reachable. Ids change.
Status raise_opset(Model& model, int version);

}  // namespace lathe
