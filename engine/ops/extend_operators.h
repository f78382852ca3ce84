// SPDX-License-Identifier: Apache-2.0
// Operators that this build does not have itself.
#pragma once

#include <span>

#include "engine/ops/operator.h"

namespace lathe {

/// Adds to what operators() gives from now on; whoever holds the registry it gave before keeps a whole one.
/// What the operators' names point to must live as long as the process. Thread-safe. To be called before a
/// model that uses them is opened.
void extend_operators(std::span<const Operator> more);

}  // namespace lathe
