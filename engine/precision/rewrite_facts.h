// SPDX-License-Identifier: Apache-2.0
// What rewrites to fewer bits share: the opset they need, and what a report says of a node before anything is
// decided.
#pragma once

#include "engine/precision/precision.h"

namespace lathe {

/// Of ai.onnx; 0 where the model names none.
int opset_of(const Model& model);

/// Writes the model in the opset whose DequantizeLinear has an axis, where it is older. Errors: an operator
/// stands against it, named; `who` says what needs it: "int8 needs".
Status raise_for_channels(Model& model, const std::string& who);

/// Name, id, module and type of `node`; the root where it has no module.
NodePrecision fact_of(const Node& node);

}  // namespace lathe
