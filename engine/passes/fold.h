// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/passes/pass.h"

namespace lathe {

/// Replaces what can be computed now by constants; without `weights`, DequantizeLinear of 8-bit constants is
/// left. Returns the number of values replaced.
Result<size_t> fold(PassContext& context, bool weights);

}  // namespace lathe
