// SPDX-License-Identifier: Apache-2.0
// Internal to plugin: a few calls of an operator with inputs that no model gave, to see whether it stands
// them.
#pragma once

#include "engine/ops/plugin/plugin_operators.h"
#include "engine/ops/plugin/survive.h"

namespace lathe {

/// infer and, where that accepts, compute, for as few inputs as the operator takes: small tensors of ones, of
/// float and int64, of rank 0 to 4. What it answers does not matter; that it returns does.
void try_operator(const PluginOperator& op, const Stage& stage);

}  // namespace lathe
