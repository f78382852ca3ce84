// SPDX-License-Identifier: Apache-2.0
// What a file that is no model of any known format looks like.
#pragma once

#include <cstddef>
#include <span>

#include "engine/base/result.h"

namespace lathe {

/// "is not an ONNX model (starts with ...)".
Error not_onnx(std::span<const std::byte> bytes);

}  // namespace lathe
