// SPDX-License-Identifier: Apache-2.0
// A kernel of blocked layouts made into one of plain layouts.
#pragma once

#include "engine/kernels/kernel.h"

namespace lathe::onednn {

/// Puts a reorder in front of every input and behind output 0 of `inner` that is not plain. For eager runs,
/// where a faster layout can pay for the way there and back within one operator.
Result<std::unique_ptr<Kernel>> in_plain_layouts(std::unique_ptr<Kernel> inner, const KernelRequest& request);

}  // namespace lathe::onednn
